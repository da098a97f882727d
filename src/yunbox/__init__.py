"""yunbox (云盒): the mini-program cloud you run yourself."""

__version__ = "0.1.0"
