"""What a graph is like. Any thread.

What needs all pairs of nodes (distances, betweenness) is told of graphs up to `MAX_PAIRS` nodes and left out of others.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import networkx as nx

from llmspell_kernel.tools.calls.call import Call

MAX_PAIRS = 500
SHOWN = 100  # of a list: components, cycles, central nodes


def analyzed(graph: Any, call: Call) -> dict[str, Any]:
    told: dict[str, Any] = {
        "node_count": graph.number_of_nodes(),
        "edge_count": graph.number_of_edges(),
        "directed": graph.is_directed(),
        "density": nx.density(graph),
        "self_loops": nx.number_of_selfloops(graph),
        "isolated_nodes": list(islice(nx.isolates(graph), SHOWN)),
    }
    for part in (_degrees, _directed if graph.is_directed() else _undirected, _distances):
        call.check()
        told.update(part(graph))
    return told


def _degrees(graph: Any) -> dict[str, Any]:
    degrees = dict(graph.degree())
    most = sorted(degrees, key=lambda node: -degrees[node])[:SHOWN]
    told: dict[str, Any] = {
        "average_degree": sum(degrees.values()) / len(degrees) if degrees else 0,
        "degrees": {str(node): degrees[node] for node in most},
    }
    if graph.is_directed():
        told["sources"] = list(islice((node for node, degree in graph.in_degree() if not degree), SHOWN))
        told["sinks"] = list(islice((node for node, degree in graph.out_degree() if not degree), SHOWN))
    return told


def _parts(components: Any) -> list[list[Any]]:
    return [list(one) for one in sorted(components, key=len, reverse=True)[:SHOWN]]


def _directed(graph: Any) -> dict[str, Any]:
    weak = list(nx.weakly_connected_components(graph))
    strong = list(nx.strongly_connected_components(graph))
    acyclic = nx.is_directed_acyclic_graph(graph)
    return {
        "connected": len(weak) == 1,
        "strongly_connected": len(strong) == 1,
        "component_count": len(weak),
        "components": _in_order(graph, weak),
        "strong_component_count": len(strong),
        "is_dag": acyclic,
        "has_cycles": not acyclic,
        "topological_order": list(nx.topological_sort(graph)) if acyclic else None,
        "cycle": None if acyclic else [edge[0] for edge in nx.find_cycle(graph)],
    }


def _in_order(graph: Any, components: list[set[Any]]) -> list[list[Any]]:
    """The nodes of each as the graph has them: a set has no order."""
    place = {node: n for n, node in enumerate(graph)}
    return [sorted(one, key=place.__getitem__) for one in _parts(components)]


def _undirected(graph: Any) -> dict[str, Any]:
    parts = list(nx.connected_components(graph))
    cyclic = graph.number_of_edges() > graph.number_of_nodes() - len(parts)
    return {
        "connected": len(parts) == 1,
        "component_count": len(parts),
        "components": _in_order(graph, parts),
        "has_cycles": cyclic,
        "is_tree": len(parts) == 1 and not cyclic,
        "is_bipartite": nx.is_bipartite(graph),
        "bridges": [list(edge) for edge in islice(nx.bridges(graph), SHOWN)],
        "articulation_points": list(islice(nx.articulation_points(graph), SHOWN)),
    }


def _distances(graph: Any) -> dict[str, Any]:
    nodes = graph.number_of_nodes()
    if not 0 < nodes <= MAX_PAIRS:
        return {}
    between = nx.betweenness_centrality(graph)
    whole = nx.is_strongly_connected(graph) if graph.is_directed() else nx.is_connected(graph)
    most = sorted(between, key=lambda node: -between[node])[:SHOWN]
    return {
        "betweenness": {str(node): between[node] for node in most},
        "clustering": nx.average_clustering(graph),
        "diameter": nx.diameter(graph) if whole else None,
        "average_path_length": nx.average_shortest_path_length(graph) if whole and nodes > 1 else None,
    }


def summary(told: dict[str, Any]) -> str:
    kind = "directed" if told["directed"] else "undirected"
    lines = [
        f"{kind} graph: {told['node_count']} nodes, {told['edge_count']} edges, density {told['density']:.3g}",
        f"{told['component_count']} component{'s' * (told['component_count'] != 1)}, "
        + ("has cycles" if told["has_cycles"] else "no cycles"),
    ]
    if told.get("topological_order") and told["node_count"] <= SHOWN:
        lines.append("order: " + ", ".join(map(str, told["topological_order"])))
    return "\n".join(lines)
