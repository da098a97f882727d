// The suite in Node.js or on a stand-in. Usage: node node.mjs HOST ENDPOINT SPACE. Prints one JSON line for each step.

import fs from 'node:fs'
import { createRequire } from 'node:module'
import { run } from './suite.mjs'

const require = createRequire(import.meta.url)
const { newFile, startMiniProgram, startPage } = require('./hosts')
const [kind, endpoint, space] = process.argv.slice(2)

function inNode(user) {
  const yunbox = require('../../../sdk/js/dist/node.cjs')
  return new yunbox.Cloud({ resourceEnv: space, endpoint, signIn: { developer: user } })
}

function inMiniProgram(user) {
  const cloud = startMiniProgram(kind, user).require('yunbox').configure({ endpoint })
  cloud.init({ env: space, traceUser: true })
  return cloud
}

function onPage(user) {
  const cloud = startPage().configure({ endpoint, signIn: { developer: user } })
  cloud.init({ env: space })
  return cloud
}

const onFiles = { fileOf: newFile, textOf: async (path) => fs.readFileSync(path, 'utf8') }
const onBlobs = { fileOf: (content) => new Blob([content]), textOf: async (path) => (await fetch(path)).text() }
const host = {
  node: { clientOf: inNode, ...onFiles },
  browser: { clientOf: onPage, ...onBlobs },
}[kind] ?? { clientOf: inMiniProgram, ...onFiles }

await run({ kind, ...host }, (line) => console.log(JSON.stringify(line)))
process.exit(0)
