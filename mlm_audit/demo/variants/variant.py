"""Variants of the demonstration platform: legitimate platforms that differ from the usual one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from mlm_audit.demo.books import build_platform, platform_of
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.world import DemoSpec, World, make_world
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import Plan, load_plan

PLANS = Path(__file__).parent / "plans"


@dataclass(frozen=True)
class Variant:
    """A kind of platform that must pass. `change_world` changes the facts, and `change_books` the resulting books."""

    name: str
    about: str
    change_world: Callable[[World], World] | None = None
    change_books: Callable[[Platform], None] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    """The settings that the platform must be audited with, by the names of their environment variables."""
    members: int | None = None
    trees_pass: bool = True
    """Whether the tree check passes too. It reports several roots as issues even when they are intended."""

    def build(self, spec: DemoSpec, plan: Plan, tz: ZoneInfo) -> Platform:
        """Build the platform. The variant's own number of members, plan and time zone replace the given ones."""
        if self.members is not None:
            spec = DemoSpec(self.members, spec.months, spec.seed, spec.end)
        plan = load_plan(Path(self.settings["PLAN_FILE"])) if "PLAN_FILE" in self.settings else plan
        tz = zone(self.settings["TIMEZONE"]) if "TIMEZONE" in self.settings else tz
        if self.change_world is None:
            platform = build_platform(spec, plan, tz)
        else:
            platform = platform_of(self.change_world(make_world(spec, plan, tz)))
        if self.change_books is not None:
            self.change_books(platform)
        return platform
