"""Documents in and out: imports, exports, and collections out of backups (DBA-1 to DBA-5)."""

from .dumps import indexes_of
from .formats import FORMATS, Format, Record, format_of
from .importing import MODES, Import, Mode, Progress, Report, import_records
from .reading import read_records
from .service import TransferService
from .values import readable
from .writing import write_documents

__all__ = [
    "FORMATS",
    "MODES",
    "Format",
    "Import",
    "Mode",
    "Progress",
    "Record",
    "Report",
    "TransferService",
    "format_of",
    "import_records",
    "indexes_of",
    "read_records",
    "readable",
    "write_documents",
]
