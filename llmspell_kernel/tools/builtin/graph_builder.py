"""graph_builder: graphs as data: make them, change them, ask what they are like. Any thread.

Nothing is kept: a graph is given and given back, as ``{directed, nodes: [{id, …}], edges: [{source, target, …}]}``
(networkx's node-link data). Ids are texts or numbers. Read are also ``links``, ``{from, to}``, ``[a, b]``, ``[a, b,
weight]``, and nodes that are only ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice, pairwise
from typing import Any, Literal

import networkx as nx

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.graph_analysis import analyzed, summary
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.schema import shown
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_NODES, MAX_EDGES = 100_000, 500_000
Id = str | int | float
Graph = Any  # nx.Graph or nx.DiGraph
Operation = Literal[
    "create_graph", "add_node", "add_edge", "remove_node", "remove_edge", "neighbors", "shortest_path", "analyze",
    "export_json", "import_json",
]  # fmt: skip
ROADS = {"nodes": ["a", "b", "c"], "edges": [["a", "b", 1], ["b", "c", 2], ["a", "c", 9]]}


@tool(
    category="data",
    pure=True,
    extra="graphs",
    needs=["networkx"],
    aliases={"graph": "input", "from": "source", "to": "target", "from_node": "source", "to_node": "target"},
    examples=[
        Example(
            "Join two nodes",
            {"operation": "add_edge", "graph": {"nodes": ["a"]}, "from": "a", "to": "b", "attributes": {"weight": 2}},
            text="directed graph: 2 nodes, 1 edge",
            result={"edges": [{"source": "a", "target": "b", "weight": 2}]},
        ),
        Example(
            "What it is like",
            {"operation": "analyze", "graph": ROADS},
            result={"node_count": 3, "is_dag": True, "topological_order": ["a", "b", "c"]},
        ),
        Example(
            "The shortest way by weight",
            {"operation": "shortest_path", "graph": ROADS, "from": "a", "to": "c"},
            result={"path": ["a", "b", "c"], "length": 3},
            text="a → b → c",
        ),
        Example("A bad edge", {"operation": "import_json", "input": {"edges": [[]]}}, error="invalid_parameters"),
    ],
)  # fmt: skip
def graph_builder(
    call: Call,
    operation: Operation = "create_graph",
    input: dict[str, Any] | str | None = None,
    graph_type: Literal["directed", "undirected"] | None = None,
    node_id: str | float | None = None,
    source: str | float | None = None,
    target: str | float | None = None,
    attributes: dict[str, Any] | None = None,
    pretty: bool = False,
) -> Result:
    """Build and analyze graphs of nodes and edges.

    Args:
        operation: What to do.
        input: The graph, as data or JSON text; an empty one, if it is not given.
        graph_type: Whether edges have a direction; what the graph says itself, or directed.
        node_id: Which node (add_node, remove_node, neighbors); nodes are made with edges too.
        source: Where an edge or a path begins.
        target: Where it ends.
        attributes: What is said of the node or edge that is added; an edge's weight counts in paths.
        pretty: Indent what export_json writes.
    """
    graph = read(input, graph_type)
    if operation == "analyze":
        told = analyzed(graph, call)
        return Result(told, summary(told))
    if operation == "export_json":
        text = json.dumps(written(graph), ensure_ascii=False, indent=2 if pretty else None)
        return Result(text, text)
    if operation == "shortest_path":
        return _path(graph, _needed("source", source), _needed("target", target))
    if operation == "neighbors":
        found = list(graph.neighbors(_known(graph, _needed("node_id", node_id))))
        return Result(found, ", ".join(map(str, found)))
    if operation.endswith("_node"):
        _change_node(graph, operation, _needed("node_id", node_id), attributes or {})
    elif operation.endswith("_edge"):
        _change_edge(graph, operation, _needed("source", source), _needed("target", target), attributes or {})
    return Result(written(graph), _told(graph))


def _told(graph: Graph) -> str:
    nodes, edges = graph.number_of_nodes(), graph.number_of_edges()
    kind = "directed" if graph.is_directed() else "undirected"
    return f"{kind} graph: {nodes} node{'s' * (nodes != 1)}, {edges} edge{'s' * (edges != 1)}"


def _needed(name: str, value: Any) -> Id:
    if value is None:
        raise ToolError(f"{name}: missing; say which node", code="invalid_parameters")
    return _id(value, name)


def _known(graph: Graph, node: Id) -> Id:
    if node not in graph:
        names = ", ".join(str(one) for one in islice(graph, 20))
        raise ToolError(f"there is no node {node!r}; there are {names or 'none'}", code="not_found")
    return node


def _change_node(graph: Graph, operation: str, node: Id, attributes: Mapping[str, Any]) -> None:
    if operation == "add_node":
        graph.add_nodes_from([(node, _plain(attributes, "id"))])
    else:
        graph.remove_node(_known(graph, node))


def _change_edge(graph: Graph, operation: str, source: Id, target: Id, attributes: Mapping[str, Any]) -> None:
    if operation == "add_edge":
        graph.add_edges_from([(source, target, _plain(attributes, "source", "target"))])
        return
    if not graph.has_edge(source, target):
        raise ToolError(f"there is no edge from {source!r} to {target!r}", code="not_found")
    graph.remove_edge(source, target)


def _path(graph: Graph, source: Id, target: Id) -> Result:
    try:
        path = nx.shortest_path(graph, _known(graph, source), _known(graph, target), weight=_weight)
    except nx.NetworkXNoPath as error:
        raise ToolError(f"there is no way from {source!r} to {target!r}", code="not_found") from error
    length = sum(_weight(a, b, graph[a][b]) for a, b in pairwise(path))
    return Result({"path": path, "length": length}, " → ".join(map(str, path)))


def _weight(a: Any, b: Any, attributes: Mapping[str, Any]) -> float:
    weight = attributes.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
        raise ToolError(f"the weight of the edge from {a!r} to {b!r} must be a number, 0 or more, not {shown(weight)}")
    return weight


# Data ↔ graph -----------------------------------------------------------------------------------------


def read(given: Mapping[str, Any] | str | None, graph_type: str | None) -> Graph:
    """Raises ToolError that says which node or edge is wrong."""
    data = _data(given)
    directed = graph_type == "directed" if graph_type else _is_directed(data)
    graph: Graph = nx.DiGraph() if directed else nx.Graph()
    nodes, edges = _list(data, "nodes"), _list(data, "edges" if "edges" in data else "links")
    if len(nodes) > MAX_NODES or len(edges) > MAX_EDGES:
        raise ToolError(f"a graph may have at most {MAX_NODES} nodes and {MAX_EDGES} edges")
    graph.add_nodes_from(_node(one, n) for n, one in enumerate(nodes, 1))
    graph.add_edges_from(_edge(one, n) for n, one in enumerate(edges, 1))
    return graph


def _data(given: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    try:
        data = json.loads(given) if isinstance(given, str) else given or {}
    except ValueError as error:
        raise _wrong(f"the graph is not JSON: {error}") from error
    if isinstance(data, dict):
        return data
    raise _wrong(f"a graph is a table of nodes and edges, not {shown(data)}")


def _is_directed(data: Mapping[str, Any]) -> bool:
    if isinstance(data.get("directed"), bool):
        return bool(data["directed"])
    return bool(data.get("graph_type", "directed") != "undirected")


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    values = data.get(name) or []
    if not isinstance(values, list):
        raise _wrong(f"{name} must be a list, not {shown(values)}")
    return values


def _node(given: Any, n: int) -> tuple[Id, dict[str, Any]]:
    if isinstance(given, dict):
        name = next((key for key in ("id", "node_id", "name") if key in given), "id")
        return _id(given.get(name), f"node {n}: id"), _plain(given, name)
    return _id(given, f"node {n}"), {}


def _edge(given: Any, n: int) -> tuple[Id, Id, dict[str, Any]]:
    if isinstance(given, list) and len(given) in (2, 3):
        weight = {"weight": given[2]} if len(given) == 3 else {}
        return _id(given[0], f"edge {n}: source"), _id(given[1], f"edge {n}: target"), weight
    if not isinstance(given, dict):
        raise _wrong(f"edge {n}: expected {{source, target}} or [source, target], not {shown(given)}")
    ends = [next((key for key in keys if key in given), keys[0]) for keys in (("source", "from"), ("target", "to"))]
    source, target = (_id(given.get(key), f"edge {n}: {key}") for key in ends)
    return source, target, _plain(given, *ends)


def _id(value: Any, place: str) -> Id:
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool) and value == value):
        return value
    raise _wrong(f"{place}: a node's id is a text or a number, not {shown(value)}")


def _plain(attributes: Mapping[str, Any], *but: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in but}


def _wrong(what: str) -> ToolError:
    return ToolError(what, code="invalid_parameters")


def written(graph: Graph) -> dict[str, Any]:
    return {
        "directed": graph.is_directed(),
        "nodes": [{**said, "id": node} for node, said in graph.nodes(data=True)],
        "edges": [{**said, "source": a, "target": b} for a, b, said in graph.edges(data=True)],
    }
