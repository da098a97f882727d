'use strict'
// The `Authorization` header with which `digestAuth` of `ctx.httpclient` answers a challenge (RFC 7616, MD5).

const crypto = require('node:crypto')

const md5 = text => crypto.createHash('md5').update(text).digest('hex')

// realm="a, b", qop="auth", algorithm=MD5 as an object.
function parameters (challenge) {
  const pairs = challenge.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)
  return Object.fromEntries([...pairs].map(([, name, quoted, bare]) => [name.toLowerCase(), quoted ?? bare]))
}

function digestAuthorization (method, uri, challenge, credentials) {
  const { realm = '', nonce = '', qop, opaque } = parameters(challenge)
  const colon = credentials.indexOf(':')
  const [username, password] = colon < 0 ? [credentials, ''] : [credentials.slice(0, colon), credentials.slice(colon + 1)]
  const [secret, asked] = [md5(`${username}:${realm}:${password}`), md5(`${method}:${uri}`)]
  const fields = [`username="${username}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${uri}"`]
  if (opaque) fields.push(`opaque="${opaque}"`)
  if (!qop) return `Digest ${[...fields, `response="${md5(`${secret}:${nonce}:${asked}`)}"`].join(', ')}`
  const [quality, cnonce] = [qop.split(',')[0].trim(), crypto.randomBytes(8).toString('hex')]
  const response = md5(`${secret}:${nonce}:00000001:${cnonce}:${quality}:${asked}`)
  return `Digest ${[...fields, `qop=${quality}`, 'nc=00000001', `cnonce="${cnonce}"`, `response="${response}"`].join(', ')}`
}

module.exports = { digestAuthorization }
