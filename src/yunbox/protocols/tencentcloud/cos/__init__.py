"""The object API of COS, as far as ``cos-nodejs-sdk-v5`` is used by deploy scripts: a space's files, its site, packages."""
