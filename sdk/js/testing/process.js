'use strict'
// The yunbox program as a child: JSON lines in and out. It ends when its standard input does, so it dies with this process.

const { spawn } = require('node:child_process')
const path = require('node:path')
const { createInterface } = require('node:readline')

const MISSING = 'yunbox was not found: install it with `pip install yunbox`, or name the program in the environment ' +
  'variable YUNBOX / 未找到 yunbox，请先 pip install yunbox，或用环境变量 YUNBOX 指定程序路径'

let connecting = null

function connect () {
  if (connecting === null) {
    connecting = find()
    connecting.then(yunbox => yunbox.ended.then(() => { connecting = null }), () => { connecting = null })
  }
  return connecting
}

async function find () {
  const problems = []
  for (const [program, ...values] of candidates()) {
    const yunbox = new Yunbox(program, [...values, 'test-cloud'])
    try {
      await yunbox.ask('hello', {})
      return yunbox
    } catch (error) {
      problems.push(`${program}: ${error.message}`)
    }
  }
  throw new Error(`${MISSING}\n${problems.join('\n')}`)
}

function candidates () {
  if (process.env.YUNBOX) return [[process.env.YUNBOX]]
  return [
    [path.resolve('.venv', 'bin', 'yunbox')],
    ['yunbox'],
    ['python3', '-m', 'yunbox.cli'],
    ['python', '-m', 'yunbox.cli']
  ]
}

class Yunbox {
  #child
  #asked = new Map()
  #last = 0
  #errors = ''

  constructor (program, values) {
    const child = this.#child = spawn(program, values, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.ended = new Promise(resolve => {
      child.on('error', error => resolve(this.#end(error.code === 'ENOENT' ? 'not there' : error.message)))
      child.on('close', code => resolve(this.#end(`it ended with ${code}: ${this.#errors.trim()}`)))
    })
    child.stdin.on('error', () => {})
    child.stderr.setEncoding('utf8').on('data', text => { this.#errors = (this.#errors + text).slice(-2000) })
    createInterface({ input: child.stdout }).on('line', line => this.#receive(JSON.parse(line)))
    this.#hold()
  }

  ask (method, params) {
    return new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#asked.set(id, { resolve, reject })
      this.#hold()
      this.#child.stdin.write(JSON.stringify({ id, method, params }) + '\n')
    })
  }

  #receive ({ id, result, error }) {
    const { resolve, reject } = this.#asked.get(id)
    this.#asked.delete(id)
    this.#hold()
    if (error) reject(Object.assign(new Error(error.message), { code: error.code, logs: error.logs }))
    else resolve(result)
  }

  #end (why) {
    for (const { reject } of this.#asked.values()) reject(new Error(why))
    this.#asked.clear()
  }

  // Tests end when nothing is left to wait for: a yunbox that is not asked anything does not count.
  #hold () {
    const how = this.#asked.size ? 'ref' : 'unref'
    for (const part of [this.#child, this.#child.stdin, this.#child.stdout, this.#child.stderr]) part[how]?.()
  }
}

module.exports = { connect }
