"""Permission rules of collections."""

from yunbox.documents.rules.rules import MODES, PRIVATE, Grant, Rules, Verb, rules_from_json, rules_of_mode

__all__ = ["MODES", "PRIVATE", "Grant", "Rules", "Verb", "rules_from_json", "rules_of_mode"]
