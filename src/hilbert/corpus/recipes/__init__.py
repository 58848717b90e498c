"""Recipes: read a public corpus as it is laid out, and rebuild the tables that this project uses."""

from collections.abc import Callable

from hilbert.corpus.recipes import maec, speechocean762
from hilbert.corpus.recipes.built import Built

RECIPES: dict[str, Callable[..., Built]] = {"maec": maec.build, "speechocean762": speechocean762.build}

__all__ = ["RECIPES", "Built"]
