'use strict'
// Clouds for tests. One yunbox process serves all clouds of this process, and ends with it.

const path = require('node:path')
const { connect } = require('./process.js')
const { toWire, fromWire } = require('./values.js')

/** A new, empty cloud with one space. */
async function startCloud (options = {}) {
  const yunbox = await connect()
  const started = await yunbox.ask('start', { spaceId: options.spaceId })
  return new Cloud(yunbox, started)
}

class Cloud {
  #ask

  constructor (yunbox, { cloud, endpoint, spaceId, keys }) {
    this.#ask = (method, params) => yunbox.ask(method, { ...params, cloud })
    this.endpoint = endpoint
    this.spaceId = spaceId
    this.keys = keys
    this.admin = new Person(this, this.#ask, null)
  }

  seed (content) { return this.#ask('seed', { content: toWire(content) }).then(fromWire) }

  setRules (collection, rules) { return this.#ask('setRules', { collection, rules }) }

  deploy (directory) { return this.#ask('deploy', { directory: path.resolve(directory) }) }

  asUser (openid) { return new Person(this, this.#ask, String(openid)) }

  async advance (seconds) { return new Date(await this.#ask('advance', { seconds })) }

  close () { return this.#ask('close', {}) }
}

class Person {
  #ask
  #cloud
  #client = null

  constructor (cloud, ask, openid) {
    this.#cloud = cloud
    this.#ask = (method, params) => ask(method, { ...params, openid })
    this.openid = openid
  }

  async call (name, data = {}) {
    return JSON.parse(await this.#ask('call', { name, data: JSON.stringify(data) }))
  }

  find (collection, filter = {}) {
    return this.#ask('find', { collection, filter: toWire(filter) }).then(fromWire)
  }

  upload (file, content) { return this.#ask('upload', { path: file, data: Buffer.from(content).toString('base64') }) }

  session () { return this.#ask('session', {}) }

  // The user's own `wx.cloud`, over HTTP as in a mini program.
  get cloud () {
    if (this.openid === null) throw new Error('the administrator has no wx.cloud; use asUser(openid).cloud')
    if (this.#client === null) {
      const { Cloud } = require('../dist/node.cjs')
      const session = () => this.session().then(made => made.refreshToken)
      this.#client = new Cloud({ resourceEnv: this.#cloud.spaceId, endpoint: this.#cloud.endpoint, signIn: { session } })
    }
    return this.#client
  }
}

module.exports = { startCloud }
