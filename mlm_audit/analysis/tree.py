"""The trees for analysts: parts of them as networkx graphs and as pictures in notebooks."""

from typing import Any, get_args

import networkx as nx
from sqlalchemy import Engine

from mlm_audit.analysis.validation import guard_inputs, whole_id
from mlm_audit.checks.trees.neighbourhood import as_data
from mlm_audit.domain.errors import InputError
from mlm_audit.jobs.trees.neighbourhood import TreeName, neighbourhood_of
from mlm_audit.reporting.trees.picture import draw, in_words


class Neighbourhood:
    """The neighbourhood of a member: a picture in a notebook, text elsewhere; `graph` is its networkx graph."""

    def __init__(self, graph: "nx.DiGraph[Any]") -> None:
        self.graph = graph

    def svg(self) -> str:
        """Return the picture as one SVG element with its own style."""
        return str(
            draw(as_data(self.graph), f"tree-{self.graph.graph['tree']}-{self.graph.graph['member']}", alone=True)
        )

    def _repr_html_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"{self.graph.graph['title']}: {in_words(as_data(self.graph))}"


def _known(tree: TreeName) -> TreeName:
    if tree not in get_args(TreeName):
        raise InputError(f"tree {tree!r}: unknown tree; choose {' or '.join(get_args(TreeName))}")
    return tree


class Tree:
    """The sponsor tree and the matrix of a platform."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @guard_inputs
    def graph(self, root: int, depth: int = 3, *, tree: TreeName = "matrix") -> "nx.DiGraph[Any]":
        """Return the members up to `depth` levels below `root` as a networkx DiGraph with edges from parent to child.

        Nodes have the attributes `label`, `position` (matrix) and `hidden` (the number of children beyond the depth).
        Raise InputError for an unknown root.
        """
        return neighbourhood_of(self._engine, whole_id("member", root), _known(tree), up=0, down=depth)

    @guard_inputs
    def around(self, member: int, *, up: int = 3, down: int = 3, tree: TreeName = "matrix") -> Neighbourhood:
        """Return the neighbourhood of a member as a picture. Raise InputError for an unknown member."""
        return Neighbourhood(neighbourhood_of(self._engine, whole_id("member", member), _known(tree), up=up, down=down))
