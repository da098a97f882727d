'use strict'
// Functions write to /tmp. Where the process cannot have a /tmp of its own, paths below it mean a private directory.

const fs = require('node:fs')

const ONE_PATH = [
  'access', 'appendFile', 'chmod', 'chown', 'exists', 'lchown', 'lstat', 'lutimes', 'mkdir', 'mkdtemp', 'open', 'openAsBlob',
  'opendir', 'readFile', 'readdir', 'readlink', 'realpath', 'rm', 'rmdir', 'stat', 'statfs', 'truncate', 'unlink', 'utimes',
  'watch', 'watchFile', 'unwatchFile', 'writeFile', 'createReadStream', 'createWriteStream'
]
const TWO_PATHS = ['copyFile', 'cp', 'link', 'rename', 'symlink']

// `kept` directories are what they say, though they may lie below /tmp: the function's own files and packages.
function mapper (directory, kept) {
  const below = parent => path => path === parent || path.startsWith(`${parent}/`)
  const isTmp = below('/tmp')
  const isKept = kept.map(below)
  const text = path => isTmp(path) && !isKept.some(test => test(path)) ? directory + path.slice(4) : path
  return path => {
    if (typeof path === 'string') return text(path)
    if (path instanceof URL && path.protocol === 'file:') return text(decodeURIComponent(path.pathname))
    return path
  }
}

function wrap (owner, name, count, map) {
  const original = owner[name]
  if (typeof original !== 'function') return
  const mapped = function (...values) {
    for (let index = 0; index < count; index++) values[index] = map(values[index])
    return original.apply(this, values)
  }
  // util.promisify and fs.realpath.native hang on the original's own properties.
  Object.defineProperties(mapped, Object.getOwnPropertyDescriptors(original))
  owner[name] = mapped
}

function installPrivateTmp (directory, kept) {
  const map = mapper(directory, kept)
  for (const [names, count] of [[ONE_PATH, 1], [TWO_PATHS, 2]]) {
    for (const name of names) {
      wrap(fs, name, count, map)
      wrap(fs, `${name}Sync`, count, map)
      wrap(fs.promises, name, count, map)
    }
  }
  require('node:module').syncBuiltinESMExports()
}

module.exports = { installPrivateTmp }
