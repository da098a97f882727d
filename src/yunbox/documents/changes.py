"""What was committed, for those who follow along (:meth:`DocumentService.subscribe`)."""

from yunbox.documents.stores import Change

__all__ = ["Change"]
