"""graph-builder: graphs go in and out as data, and what is told of them is true."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of

TOOLS = Tools.standard()


def do(operation: str, graph: Any = None, **more: Any) -> Any:
    return TOOLS.call("graph_builder", {"operation": operation, "graph": graph, **more})["result"]


def refused(operation: str, graph: Any = None, **more: Any) -> str:
    return str(error_of(lambda: do(operation, graph, **more)))


def test_a_graph_is_built_step_by_step() -> None:
    graph = do("create_graph", graph_type="undirected")
    assert graph == {"directed": False, "nodes": [], "edges": []}
    graph = do("add_node", graph, node_id="a", attributes={"label": "A"})
    graph = do("add_edge", graph, **{"from": "a", "to": "b"}, attributes={"weight": 2})
    graph = do("add_edge", graph, source="b", target=3)
    assert graph["nodes"] == [{"id": "a", "label": "A"}, {"id": "b"}, {"id": 3}]
    assert graph["edges"][0] == {"source": "a", "target": "b", "weight": 2}
    assert do("neighbors", graph, node_id="b") == ["a", 3]
    graph = do("remove_edge", graph, source=3, target="b")
    graph = do("remove_node", graph, node_id="a")
    assert graph == {"directed": False, "nodes": [{"id": "b"}, {"id": 3}], "edges": []}


def test_out_and_in_again_as_json() -> None:
    graph = do("create_graph", {"nodes": ["a"], "edges": [{"from": "a", "to": "b", "kind": "x"}, ["b", "c", 5]]})
    text = do("export_json", graph)
    assert json.loads(text) == graph
    assert do("import_json", text) == graph
    assert do("import_json", {"directed": True, "nodes": [], "links": graph["edges"]})["edges"] == graph["edges"]


def test_what_a_directed_graph_is_like() -> None:
    told = do("analyze", {"nodes": ["z"], "edges": [["a", "b"], ["b", "c"], ["a", "c"]]})
    assert (told["node_count"], told["edge_count"], told["component_count"]) == (4, 3, 2)
    assert told["is_dag"] and not told["has_cycles"] and not told["connected"]
    order = told["topological_order"]
    assert order.index("a") < order.index("b") < order.index("c")
    assert told["isolated_nodes"] == ["z"] and told["degrees"]["a"] == 2
    circle = do("analyze", {"edges": [["a", "b"], ["b", "c"], ["c", "a"]]})
    assert circle["strongly_connected"] and circle["diameter"] == 2 and circle["topological_order"] is None
    assert sorted(circle["cycle"]) == ["a", "b", "c"]


def test_what_an_undirected_graph_is_like() -> None:
    told = do("analyze", {"directed": False, "edges": [["a", "b"], ["b", "c"], ["b", "d"]]})
    assert told["is_tree"] and told["is_bipartite"] and told["articulation_points"] == ["b"]
    assert told["betweenness"]["b"] == 1.0 and told["diameter"] == 2
    assert do("analyze", {"directed": False, "edges": [["a", "a"]]})["has_cycles"]
    assert do("analyze", {})["node_count"] == 0


def test_the_shortest_way() -> None:
    graph = {"edges": [["a", "b", 1], ["b", "c", 1], ["a", "c", 5], ["d", "a"]]}
    assert do("shortest_path", graph, source="a", target="c") == {"path": ["a", "b", "c"], "length": 2}
    assert "no way from 'a' to 'd'" in refused("shortest_path", graph, source="a", target="d")
    assert "no node 'x'; there are a, b, c, d" in refused("shortest_path", graph, source="a", target="x")
    assert "must be a number" in refused("shortest_path", {"edges": [["a", "b", "far"]]}, source="a", target="b")
    assert "0 or more" in refused("shortest_path", {"edges": [["a", "b", -1], ["b", "c", -1]]}, source="a", target="c")


def test_what_is_wrong_is_said_with_its_place() -> None:
    assert "edge 2: target" in refused("import_json", {"edges": [["a", "b"], {"source": "a"}]})
    assert "node 1: id" in refused("import_json", {"nodes": [{"label": "x"}]})
    assert "not JSON" in refused("import_json", "{")
    assert "a table of nodes and edges" in refused("import_json", "[1]")
    assert "nodes must be a list" in refused("import_json", {"nodes": "a"})
    assert "node_id: missing" in refused("add_node")
    assert "no edge from 'a' to 'b'" in refused("remove_edge", source="a", target="b")


VALUE = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=2)
ENDS = st.lists(VALUE, max_size=3) | st.dictionaries(st.sampled_from(["source", "to", "weight"]), VALUE) | VALUE


@settings(deadline=None)
@given(
    st.lists(VALUE, max_size=4), st.lists(ENDS, max_size=5), st.sampled_from(["analyze", "export_json", "import_json"])
)
def test_whatever_is_given_the_answer_is_a_result_or_a_tool_error(nodes: Any, edges: Any, operation: str) -> None:
    try:
        do(operation, {"nodes": nodes, "edges": edges})
    except ToolError as error:
        assert error.code == "invalid_parameters"
