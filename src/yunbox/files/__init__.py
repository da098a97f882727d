"""Files of a space: object keys, metadata, signed links, upload tickets."""

from yunbox.files.keys import check_key
from yunbox.files.service import FilePage, FileService, OpenFile, Sent
from yunbox.files.stored import StoredFile
from yunbox.files.tickets import UploadTicket

__all__ = ["FilePage", "FileService", "OpenFile", "Sent", "StoredFile", "UploadTicket", "check_key"]
