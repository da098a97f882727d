'use strict'
// Finds and loads a function's entry, whatever module kind it is.

const fs = require('node:fs')
const path = require('node:path')
const Module = require('node:module')
const { pathToFileURL } = require('node:url')

const EXTENSIONS = ['', '.js', '.cjs', '.mjs', '.json', '/index.js', '/index.cjs', '/index.mjs']

function existing (base) {
  for (const extension of EXTENSIONS) {
    const file = base + extension
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return file
  }
  return null
}

function packageMain (directory) {
  try {
    return JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8').replace(/^\uFEFF/, '')).main
  } catch {
    return undefined
  }
}

// The file and the exported name. `handler` is `file.name`, as in `index.main`.
function findEntry (directory, handler) {
  const dot = (handler || '').lastIndexOf('.')
  const name = dot > 0 ? handler.slice(dot + 1) : 'main'
  const wanted = [dot > 0 ? handler.slice(0, dot) : null, packageMain(directory), 'index']
  for (const base of wanted) {
    const file = typeof base === 'string' && base !== '' ? existing(path.join(directory, base)) : null
    if (file) return { file, name }
  }
  throw new Error(`no entry file: the function has neither index.js nor a "main" in package.json / 没有入口文件 index.js`)
}

// Bare names that are not packages are looked for in the function's own folder, as on the vendor's runtime.
function setSearchPath (directories) {
  process.env.NODE_PATH = directories.join(path.delimiter)
  Module._initPaths()
}

async function loadModule (file) {
  if (file.endsWith('.mjs')) return await import(pathToFileURL(file).href)
  try {
    return require(file)
  } catch (error) {
    if (!isModuleSyntax(error)) throw error
    return await import(pathToFileURL(file).href)
  }
}

function isModuleSyntax (error) {
  if (['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code)) return true
  return error instanceof SyntaxError && /Cannot use import statement|Unexpected token 'export'|await is only valid/.test(error.message)
}

// {kind: 'event', call} for (event, context, callback), {kind: 'context', call} for (ctx).
function findHandler (exported, name) {
  for (const candidate of [exported, exported?.default]) {
    if (typeof candidate?.[name] === 'function') return { kind: 'event', call: candidate[name] }
  }
  for (const candidate of [exported, exported?.default, exported?.['module.exports']]) {
    if (typeof candidate === 'function') return { kind: 'context', call: candidate }
    if (typeof candidate?.main === 'function') return { kind: 'event', call: candidate.main }
  }
  throw new Error(`the function exports neither \`${name}\` nor a function as module.exports / 没有导出 exports.${name}`)
}

async function loadFunction (directory, handler) {
  const entry = findEntry(directory, handler)
  return findHandler(await loadModule(entry.file), entry.name)
}

// The mpserverless cloud unpacks a function's code at /tmp/function/NAME (FA-1).
function linkCode ({ directory, name }) {
  try {
    fs.mkdirSync('/tmp/function', { recursive: true })
    fs.symlinkSync(directory, `/tmp/function/${name}`)
  } catch {
    // Whoever counts on that path sees that it is not there.
  }
}

function preload (files) {
  for (const file of files) {
    try {
      require(file)
    } catch {
      // A package that cannot be loaded ahead of time is loaded, and its error reported, by the function that uses it.
    }
  }
}

module.exports = { linkCode, loadFunction, setSearchPath, preload }
