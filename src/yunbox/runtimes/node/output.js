'use strict'
// Everything a function prints, as `log` frames that carry the id of the invocation it belongs to.

const util = require('node:util')
const { currentInvocation } = require('./identity.js')

const LINE = 16 * 1024
const EVENT = 256 * 1024
const LEVELS = { log: 'info', info: 'info', debug: 'debug', warn: 'warn', error: 'error', trace: 'error', dir: 'info' }

let send = () => {}
// Output without an invocation (module top level of a preloaded package, work between calls) shares one allowance.
const nobody = { id: '', printed: 0 }

function print (level, format) {
  const invocation = currentInvocation() || nobody
  if (invocation.printed > EVENT) return
  let text = format()
  if (text.length > LINE) text = `${text.slice(0, LINE)}… [${text.length - LINE} more characters]`
  invocation.printed += text.length + 32
  emit(invocation.id, level, text)
  if (invocation.printed > EVENT) emit(invocation.id, 'warn', `[output beyond ${EVENT / 1024} KiB is not kept]`)
}

function emit (id, level, text) {
  send(`{"t":"log","id":${JSON.stringify(id)},"level":"${level}","at":${Date.now()},"text":${JSON.stringify(text)}}`)
}

function installOutput (sendFrame) {
  send = sendFrame
  for (const [name, level] of Object.entries(LEVELS)) {
    console[name] = (...values) => print(level, () => util.format(...values))
  }
  // The platform's advanced log (wx-server-sdk 1.x and later: cloud.logger()).
  Object.defineProperty(console, '__baseLog__', {
    value: (entry, level) => print(LEVELS[level] || 'info', () => typeof entry === 'string' ? entry : JSON.stringify(entry)),
    writable: true,
    configurable: true,
    enumerable: false
  })
  replaceWrite(process.stdout, 'info')
  replaceWrite(process.stderr, 'error')
}

function replaceWrite (stream, level) {
  stream.write = (chunk, encoding, callback) => {
    const done = typeof encoding === 'function' ? encoding : callback
    print(level, () => String(chunk).replace(/\n$/, ''))
    if (done) process.nextTick(done)
    return true
  }
}

module.exports = { installOutput, print }
