'use strict'
// The built files: how they load, and that the mini programs' one is ES5 without anything forbidden. Prints one JSON line.

const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')

const root = path.join(__dirname, '..', '..', '..', 'sdk', 'js')
const acorn = require(path.join(root, 'node_modules', 'acorn'))
const read = (...name) => fs.readFileSync(path.join(root, ...name), 'utf8')

/** Names that a script takes from the host without declaring or testing them, found as calls and uses in its tree. */
function forbidden(code) {
  const found = []
  const visit = (node) => {
    if (!node || typeof node !== 'object') return
    if (Array.isArray(node)) return node.forEach(visit)
    const callee = node.callee && node.callee.name
    if ((node.type === 'CallExpression' || node.type === 'NewExpression') && ['eval', 'Function', 'require'].includes(callee)) found.push(callee)
    Object.values(node).forEach(visit)
  }
  visit(acorn.parse(code, { ecmaVersion: 5 }))
  return found
}

async function main() {
  const mini = read('miniprogram_dist', 'index.js')
  const realm = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } })
  vm.runInContext(`var module = { exports: {} }, exports = module.exports; ${mini}`, realm)
  const page = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } })
  vm.runInContext(read('dist', 'yunbox.umd.js'), page)
  const esm = await import(path.join(root, 'dist', 'index.mjs'))
  const node = await import(path.join(root, 'dist', 'node.mjs'))
  const names = Object.keys(require(path.join(root, 'dist', 'node.cjs'))).filter((name) => name !== 'default').sort()
  console.log(JSON.stringify({
    forbidden: forbidden(mini),
    es5: (acorn.parse(read('dist', 'yunbox.umd.js'), { ecmaVersion: 5 }), true),
    bare: vm.runInContext('typeof module.exports.init + typeof module.exports.database().collection', realm) + vm.runInContext('typeof yunbox.init', page),
    esm: Object.keys(esm).filter((name) => name !== 'default').sort(),
    node: Object.keys(node).filter((name) => name !== 'default').sort(),
    names,
  }))
}

main()
