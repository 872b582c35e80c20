"""Legitimate platforms that differ from the usual demonstration platform. All of them must pass."""

from mlm_audit.demo.variants.grants import GRANTS
from mlm_audit.demo.variants.refunds import REFUND_VARIANTS
from mlm_audit.demo.variants.variant import Variant
from mlm_audit.demo.variants.worlds import WORLDS

VARIANTS: dict[str, Variant] = {variant.name: variant for variant in (*WORLDS, *GRANTS, *REFUND_VARIANTS)}

__all__ = ["VARIANTS", "Variant"]
