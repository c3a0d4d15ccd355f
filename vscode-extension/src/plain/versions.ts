/** Versions such as 0.10.2 or 1.0rc1, and the oldest llmspell that this extension works with. */

export const OLDEST = "0.1.0";

/** Negative, 0 or positive as `a` is older than, the same as or newer than `b`. A pre-release is older. */
export function compare(a: string, b: string): number {
  const [first, second] = [numbers(a), numbers(b)];
  for (let n = 0; n < Math.max(first.length, second.length); n++) {
    const difference = (first[n] ?? 0) - (second[n] ?? 0);
    if (difference !== 0) return difference;
  }
  return Number(isPreRelease(b)) - Number(isPreRelease(a));
}

function numbers(version: string): number[] {
  const release = /^\s*v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? "0";
  return release.split(".").map(Number);
}

function isPreRelease(version: string): boolean {
  return /\d\s*[-.]?(?:a|b|rc|alpha|beta|dev|pre)\d*/i.test(version);
}
