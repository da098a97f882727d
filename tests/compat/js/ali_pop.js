'use strict'
// node ali_pop.js '{"sdk","endpoint","spaceId","accessKeyId","accessKeySecret"}': drives the OpenAPI through pop-core.

const { exchange, record } = require('./ali_platform.js')

const { sdk, endpoint, spaceId, accessKeyId, accessKeySecret } = JSON.parse(process.argv[2])
const { RPCClient } = require(sdk)
const client = (changes) => new RPCClient({ accessKeyId, accessKeySecret, endpoint, apiVersion: '2019-06-15', ...changes })
const pop = client()
const post = { method: 'POST' }
const file = { SpaceId: spaceId, Filename: 'index.html', ContentType: 'text/html', Size: '240', RegionId: 'cn-hangzhou' }

record({
  sign: () => pop.request('DescribeFileUploadSignedUrl', file, post),
  async put (results) {
    const { status } = await exchange(results.sign.value.SignUrl, { method: 'PUT', headers: { 'content-type': 'text/html' }, body: '<p>hi</p>' })
    return status
  },
  register: (results) => pop.request('RegisterFile', { SpaceId: spaceId, Id: results.sign.value.Id }, post),
  weird: () => pop.request('describeFileUploadSignedUrl', { ...file, Filename: "we ird*'()!~/中文.png", ContentType: 'image/png' }, { method: 'GET' }),
  list: () => pop.request('ListFile', { SpaceId: spaceId, Keyword: '.html', PageSize: 20 }, post),
  remove: (results) => pop.request('DeleteFile', { SpaceId: spaceId, Id: results.sign.value.Id }, post),
  command: () => pop.request('RunDBCommand', { SpaceId: spaceId, Body: '{"command":"find","collection":"nothing","query":{}}' }, post),
  function: () => pop.request('RunFunction', { SpaceId: spaceId, Body: '{"functionTarget":"sum","functionArgs":{"a":1,"b":2}}' }, post),
  config: () => pop.request('DescribeSpaceClientConfig', { SpaceId: spaceId }, post),
  prefixed: () => client({ endpoint: `${endpoint}/pre` }).request('ListSpace', {}, post),
  unknownAction: () => pop.request('NoSuchAction', { SpaceId: spaceId }, post),
  unknownKey: () => client({ accessKeyId: 'nobody' }).request('ListFile', { SpaceId: spaceId }, post),
  wrongSecret: () => client({ accessKeySecret: 'wrong' }).request('ListFile', { SpaceId: spaceId }, post)
}).then((results) => console.log(JSON.stringify(results)))
