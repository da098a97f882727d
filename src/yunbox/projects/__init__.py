"""Mini-program projects on disk: where their functions are, which space they want, what their code uses."""

from yunbox.projects.detect import find_project
from yunbox.projects.functions import find_functions, why_skipped
from yunbox.projects.project import FunctionSource, Project

__all__ = ["FunctionSource", "Project", "find_functions", "find_project", "why_skipped"]
