"""Permission rules of collections."""

from yunbox.documents.rules.rules import MODES, PRIVATE, Grant, Rules, Verb, rules_from_json, rules_of_mode
from yunbox.documents.rules.security import security_rules

__all__ = ["MODES", "PRIVATE", "Grant", "Rules", "Verb", "rules_from_json", "rules_of_mode", "security_rules"]
