/* The part of the hook that is asked most, where there was a compiler (docs/decisions/0003): which calls and
 * returns the debugger's hook in Lua has to see.
 *
 * Neither Lua's header nor Python's is needed: hook_filter.py finds lupa's functions at run time and hands them
 * over, and of Lua only the public API is used. Nothing here calls Python or knows of threads. What to look for is
 * kept by Lua, for each of its threads: where it keeps the count of a hook, which a hook without count events does
 * not need, is the depth of the stepped frame, or NO_STEP, or OWN while a step goes over a library. What is to be decided goes to the hook of Lua's own
 * debug library, which calls the function that debug.sethook was given.
 */
#include <stddef.h>
#include <string.h>

typedef struct lua_State lua_State;
typedef int (*lua_CFunction)(lua_State *);
typedef struct lua_Debug { /* of Lua 5.4 */
    int event;
    const char *name, *namewhat, *what, *source;
    size_t srclen;
    int currentline, linedefined, lastlinedefined;
    unsigned char nups, nparams;
    char isvararg, istailcall;
    unsigned short ftransfer, ntransfer;
    char short_src[60];
    void *call;
    void *room[8]; /* more than any 5.4 needs */
} lua_Debug;
typedef void (*lua_Hook)(lua_State *, lua_Debug *);

enum { HOOK_RETURN = 1, MASK_CALL = 1, MASK_RETURN = 2, MASK_COUNT = 8, REGISTRY = -1001000, VERSION = 504, NO_STEP = -1, OWN = -2 };

/* In the order in which hook_filter.py names them. */
typedef struct Api {
    double (*version)(lua_State *);
    void (*sethook)(lua_State *, lua_Hook, int, int);
    lua_Hook (*gethook)(lua_State *);
    int (*gethookmask)(lua_State *);
    int (*gethookcount)(lua_State *);
    int (*getstack)(lua_State *, int, lua_Debug *);
    int (*getinfo)(lua_State *, const char *, lua_Debug *);
    int (*rawgetp)(lua_State *, int, const void *);
    void (*rawsetp)(lua_State *, int, const void *);
    int (*rawget)(lua_State *, int);
    int (*toboolean)(lua_State *, int);
    long long (*tointegerx)(lua_State *, int, int *);
    void (*pushvalue)(lua_State *, int);
    void (*pushcclosure)(lua_State *, lua_CFunction, int);
    void (*pushboolean)(lua_State *, int);
    void (*setfield)(lua_State *, int, const char *);
    void (*settop)(lua_State *, int);
} Api;

static Api lua;
static lua_Hook hook_of_lua;
/* Of tables in the registry: function -> what is to be seen in it, or false; the same while a step goes over a library. */
static const char wanted_key, own_key;

/* Whether there may be something to see in a function; one that is not known yet has to be looked at. */
static int is_wanted(lua_State *L, lua_Debug *ar) {
    int wanted;
    lua.rawgetp(L, REGISTRY, lua.gethookcount(L) == OWN ? &own_key : &wanted_key);
    lua.getinfo(L, "f", ar);
    wanted = lua.rawget(L, -2) == 0 || lua.toboolean(L, -1);
    lua.settop(L, -3);
    return wanted;
}

/* Of returns: those of the stepped frame, of what it has called itself, and where something is wanted next.
 * Everything once the host wants attention (native.py): the count is the host's then, no depth. */
static int is_to_be_seen(lua_State *L, lua_Debug *ar) {
    lua_Debug other;
    int depth;
    if (lua.gethookmask(L) & MASK_COUNT) return 1;
    if (ar->event != HOOK_RETURN) return is_wanted(L, ar);
    depth = lua.gethookcount(L);
    if (depth == OWN) return !lua.getstack(L, 1, &other) || is_wanted(L, &other);
    if (depth != NO_STEP && !lua.getstack(L, depth + 1, &other)) return 1;
    return lua.gethookmask(L) & MASK_CALL && lua.getstack(L, 1, &other) && is_wanted(L, &other);
}

static void filter(lua_State *L, lua_Debug *ar) {
    if (is_to_be_seen(L, ar)) hook_of_lua(L, ar);
}

/* From Lua, in the hook function of the running thread, which stays what it is:
 * filter(depth of the stepped frame, or OWN, or false, whether functions are wanted). */
static int arm(lua_State *L) {
    int depth = lua.toboolean(L, 1) ? (int)lua.tointegerx(L, 1, NULL) : NO_STEP;
    lua.sethook(L, filter, lua.toboolean(L, 2) ? MASK_CALL | MASK_RETURN : MASK_RETURN, depth);
    return 0;
}

/* From Lua, with a hook function set: prepare(the two tables) gives `arm`, or false. */
static int prepare(lua_State *L) {
    hook_of_lua = lua.gethook(L);
    if (hook_of_lua == NULL || hook_of_lua == filter) return lua.pushboolean(L, 0), 1;
    lua.pushvalue(L, 1);
    lua.rawsetp(L, REGISTRY, &wanted_key);
    lua.pushvalue(L, 2);
    lua.rawsetp(L, REGISTRY, &own_key);
    return lua.pushcclosure(L, arm, 0), 1;
}

/* Leaves `prepare` in the registry of an idle state. */
int llmspell_hook_install(lua_State *L, void *const *functions, int count) {
    if (count * sizeof(void *) != sizeof(Api)) return 0;
    memcpy(&lua, functions, sizeof(Api));
    if (lua.version(L) != VERSION) return 0;
    lua.pushcclosure(L, prepare, 0);
    lua.setfield(L, REGISTRY, "llmspell.hook");
    return 1;
}
