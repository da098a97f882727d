'use strict'
// node httpclient_pair.js HTTPCLIENT: asks the same of `ctx.httpclient` and of the real urllib, of an echo server; prints
// what each got: {case: [ours, theirs]}.

const crypto = require('node:crypto')
const http = require('node:http')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const zlib = require('node:zlib')
const { Readable } = require('node:stream')
const urllib = require('urllib')
const { httpclient } = require(process.argv[2])

const server = http.createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const { pathname, searchParams } = new URL(request.url, 'http://server')
  const body = Buffer.concat(chunks)
  if (pathname === '/redirect') return response.writeHead(302, { location: '/echo?from=redirect' }).end()
  if (pathname === '/elsewhere') return response.writeHead(302, { location: `http://localhost:${server.address().port}/echo` }).end()
  if (pathname === '/digest') return response.writeHead(...digestAnswer(request)).end()
  if (pathname === '/loop') return response.writeHead(302, { location: '/loop' }).end()
  if (pathname === '/slow') return setTimeout(() => response.end('late'), 2000)
  if (pathname === '/text') return response.writeHead(200, { 'content-type': 'text/plain' }).end(searchParams.get('text'))
  if (pathname === '/status') return response.writeHead(404, { 'content-type': 'application/json' }).end('{"errcode":1}')
  if (pathname === '/empty') return response.writeHead(204).end()
  if (pathname === '/gzip') return response.writeHead(200, { 'content-encoding': 'gzip' }).end(zlib.gzipSync('{"zipped":true}'))
  const { authorization, accept } = request.headers
  const type = request.headers['content-type']?.replace(/boundary=.*/, 'boundary')
  const shown = /multipart/.test(type || '') ? parts(body) : body.toString()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method: request.method, url: request.url, type, authorization, accept, own: request.headers['x-own'], shown }))
})

const md5 = text => crypto.createHash('md5').update(text).digest('hex')

// 200 when the request proves that it knows user:pa:ss by the rules of RFC 7616.
function digestAnswer ({ method, url, headers: { authorization = '', cookie } }) {
  const { qop } = Object.fromEntries(new URL(url, 'http://server').searchParams)
  const challenge = `Digest realm="home", nonce="n0", opaque="o"${qop ? `, qop="${qop}"` : ''}`
  const said = name => new RegExp(`\\b${name}="?([^",]+)`).exec(authorization)?.[1]
  const middle = qop ? `${said('nc')}:${said('cnonce')}:auth:` : ''
  const right = md5(`${md5('user:home:pass')}:n0:${middle}${md5(`${method}:${url}`)}`)
  const proved = said('response') === right && said('username') === 'user' && said('uri') === url && cookie === 'c=1'
  return proved ? [204] : [401, { 'www-authenticate': challenge, 'set-cookie': 'c=1' }]
}

const parts = body => body.toString().split(/\r?\n?--[-\w]+(?:--)?\r\n/).filter(Boolean)
  .map(part => [/name="([^"]*)"/.exec(part)[1], part.split('\r\n\r\n')[1].trim()]).sort()

const file = path.join(os.tmpdir(), `httpclient-${process.pid}.txt`)

const CASES = {
  buffer: ['/echo'],
  json: ['/echo', { dataType: 'json' }],
  text: ['/echo', { dataType: 'text' }],
  query: ['/echo?z=1', { data: { a: '中 文', b: [1, 2] }, dataType: 'json' }],
  form: ['/echo', { method: 'POST', data: { a: '中 文', b: [1, 2] }, dataType: 'json' }],
  jsonBody: ['/echo', { method: 'POST', data: { a: '中', n: null }, contentType: 'json', dataType: 'json' }],
  jsonByHeader: ['/echo', { method: 'POST', headers: { 'Content-Type': 'application/json' }, data: { a: 1 }, dataType: 'json' }],
  nested: ['/echo', { method: 'POST', nestedQuerystring: true, data: { a: { b: 1 }, c: ['x'] }, dataType: 'json' }],
  asQuery: ['/echo', { method: 'POST', dataAsQueryString: true, data: { a: 1 }, dataType: 'json' }],
  content: ['/echo', { method: 'PUT', content: '<xml/>', headers: { 'content-type': 'text/xml' }, dataType: 'json' }],
  stream: ['/echo', () => ({ method: 'POST', stream: Readable.from([Buffer.from('streamed')]), dataType: 'json' })],
  file: ['/echo', { files: file, data: { field: 'v' }, dataType: 'json' }],
  files: ['/echo', { files: { one: file, two: Buffer.from('two') }, dataType: 'json' }],
  auth: ['/echo', { auth: 'user:pass', headers: { 'X-Own': 'kept' }, dataType: 'json' }],
  lowerCaseMethod: ['/echo', { method: 'delete', dataType: 'json' }],
  type: ['/echo', { type: 'post', data: { a: 1 }, dataType: 'json' }],
  status: ['/status', { dataType: 'json' }],
  emptyJson: ['/empty', { dataType: 'json' }],
  notJson: ['/text?text=oops', { dataType: 'json' }],
  controls: ['/text?text=%7B%22a%22%3A%22x%01y%22%7D', { dataType: 'json', fixJSONCtlChars: true }],
  gzip: ['/gzip', { gzip: true, dataType: 'json' }],
  notFollowed: ['/redirect', { dataType: 'text' }],
  followed: ['/redirect', { followRedirect: true, dataType: 'json' }],
  followedElsewhere: ['/elsewhere', { followRedirect: true, auth: 'user:pass', headers: { 'X-Own': 'kept' }, dataType: 'json' }],
  digest: ['/digest', { digestAuth: 'user:pass' }],
  digestQop: ['/digest?qop=auth', { digestAuth: 'user:pass', method: 'POST', data: { a: 1 } }],
  digestWrong: ['/digest', { digestAuth: 'user:wrong' }],
  noDigest: ['/digest', {}],
  addressRefused: ['/echo', { checkAddress: () => false }],
  addressAllowed: ['/echo', { checkAddress: ip => ip === '127.0.0.1', dataType: 'text' }],
  nameRefused: ['http://localhost:1/', { checkAddress: () => false }],
  tooMany: ['/loop', { followRedirect: true, maxRedirects: 2 }],
  timeout: ['/slow', { timeout: 100 }],
  timeouts: ['/slow', { timeout: [500, 120] }],
  timing: ['/echo', { timing: true, dataType: 'json' }],
  streaming: ['/echo', { streaming: true }],
  customResponse: ['/echo', { customResponse: true }],
  writeStream: ['/text?text=written', () => ({ writeStream: fs.createWriteStream(`${file}.out`) })],
  beforeRequest: ['/echo', { beforeRequest: sent => { sent.headers['x-own'] = 'late' }, dataType: 'json' }],
  refused: ['http://127.0.0.1:1/']
}

// What a function may look at, without what differs from run to run.
async function outcome (client, base, [address, options]) {
  const wanted = typeof options === 'function' ? options() : options && { ...options, headers: options.headers && { ...options.headers } }
  const url = /^http/.test(address) ? address : base + address
  try {
    const { data, status, headers, res } = await client.request(url, wanted)
    const text = wanted?.streaming || wanted?.customResponse ? await drain(res) : undefined
    const written = wanted?.writeStream ? fs.readFileSync(`${file}.out`, 'utf8') : undefined
    const timing = res.timing && Object.keys(res.timing).sort()
    return {
      status, data: Buffer.isBuffer(data) ? data.toString() : data, isBuffer: Buffer.isBuffer(data), type: headers['content-type'],
      text, written, timing, res: res.statusCode, urls: res.requestUrls?.length, size: res.size, message: res.statusMessage
    }
  } catch (error) {
    return { name: error.name, status: error.status, told: error.message.split(/[,(]/)[0].trim(), res: error.res?.status }
  }
}

async function drain (stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

server.listen(0, '127.0.0.1', async () => {
  fs.writeFileSync(file, 'content of the file')
  const base = `http://127.0.0.1:${server.address().port}`
  const results = {}
  for (const [name, asked] of Object.entries(CASES)) {
    results[name] = [await outcome(httpclient, base, asked), await outcome(urllib, base, asked)]
  }
  results.callback = await Promise.all([httpclient, urllib].map(client => new Promise(resolve => {
    client.request(`${base}/text?text=hi`, { dataType: 'text' }, (error, data, res) => resolve([error, data, res.status]))
  })))
  fs.rmSync(file)
  fs.rmSync(`${file}.out`)
  console.log(JSON.stringify(results))
  process.exit()
})
