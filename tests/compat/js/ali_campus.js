'use strict'
// node ali_campus.js '{"endpoint","spaceId","clientSecret","accessKeyId","accessKeySecret","tokenUrl"}': two visitors of the
// project in projects/campus, then its timer and its HTTP function.

const { exchange, loadSdk, record } = require('./ali_platform.js')
const { RPCClient } = require('@alicloud/pop-core')
const NodeSdk = require('@alicloud/mpserverless-node-sdk').default

const { endpoint, spaceId, clientSecret, accessKeyId, accessKeySecret, serverSecret, tokenUrl } = JSON.parse(process.argv[2])
const { MPServerless } = loadSdk('wx', 'unused', '@alicloud/mpserverless-sdk')
const visitor = code => {
  const host = { ...globalThis.wx, login: options => options.complete({ code, errMsg: 'login:ok' }) }
  return new (MPServerless.default || MPServerless)(host, { appId: 'wx0123456789abcdef', endpoint, spaceId, clientSecret })
}
const [ann, bob] = [visitor('ann'), visitor('bob')]
const union = async (mp, unionAction, args) => (await mp.function.invoke('unionOp', { unionAction, ...args })).result
const pop = new RPCClient({ accessKeyId, accessKeySecret, endpoint, apiVersion: '2019-06-15' })
const ask = (action, parameters) => pop.request(action, { SpaceId: spaceId, ...parameters }, { method: 'POST' })
const admin = new NodeSdk({ spaceId, serverSecret, endpoint })
const openidOf = async mp => (await mp.user.getInfo({ authProvider: 'wechat_openapi' })).result.user.oAuthUserId
const CAT = 'c'.repeat(24)

record({
  annInit: () => ann.init(),
  bobInit: () => bob.init(),
  deployTest: async () => (await ann.function.invoke('unionOp', { deploy_test: true })).result,
  unknownAction: () => union(ann, 'nope'),
  noArguments: async () => (await ann.function.invoke('unionOp')).result,
  trusted: async () => (await union(ann, 'whoAmI', { openid: 'forged' })).openid === await openidOf(ann),
  firstUser: async () => union(ann, 'userOp', { op: 'get', openid: await openidOf(ann) }),
  secondUser: async () => union(bob, 'userOp', { op: 'get', openid: await openidOf(bob) }),
  rename: async r => union(bob, 'userOp', { op: 'update', openid: await openidOf(bob), user: { ...r.secondUser.value, nickname: '鲍勃', manager: 99 } }),
  notSignedIn: () => ann.function.invoke('unionOp', { unionAction: 'curdOp', operation: 'add', collection: 'cat' }),
  addCat: async () => union(ann, 'curdOp', { openid: await openidOf(ann), operation: 'add', collection: 'cat', data: { _id: CAT, name: '小橘', campus: '新校区' } }),
  addCatRefused: async () => union(bob, 'curdOp', { openid: await openidOf(bob), operation: 'add', collection: 'cat', data: { name: 'no' } }),
  addComment: async () => union(bob, 'curdOp', { openid: await openidOf(bob), operation: 'add', collection: 'comment', data: { text: '可爱' } }),
  readComment: async () => (await ann.db.collection('comment').find({ needVerify: { $ne: true } }, { sort: { create_date: -1 } })).result,
  mine: async () => (await bob.db.collection('comment').count({ _openid: await openidOf(bob) })).result,
  removeRefused: async r => union(ann, 'curdOp', { openid: 'somebody', operation: 'remove', collection: 'comment', item_id: r.addComment.value.insertedId }),
  addPhotos: async () => {
    const openid = await openidOf(bob)
    for (const day of [1, 2, 2, 3]) {
      const data = { cat_id: CAT, verified: true, latitude: 23 + day, shooting_date: `2026-01-0${day}` }
      await union(bob, 'curdOp', { openid, operation: 'add', collection: 'photo', data })
    }
  },
  locations: () => union(ann, 'getCatLocations'),
  clientReads: async () => (await bob.db.collection('cat').findOne({ _id: CAT })).result.name,
  clientWrites: () => bob.db.collection('cat').updateOne({ _id: CAT }, { $set: { name: 'hacked' } }),
  clientAdds: () => bob.db.collection('comment').insertOne({ text: 'direct' }),
  secretsHidden: () => bob.db.collection('badge_code').find({}),
  seeds: async () => (await ann.db.collection('science').find({}, { projection: { _id: 0, cate: 1 } })).result,
  setting: async () => (await admin.db.collection('setting').findOne({ _id: 'pages' })).result,
  inc: async () => { await union(bob, 'curdOp', { openid: 'x', operation: 'inc', collection: 'cat', item_id: CAT }); return (await ann.db.collection('cat').findOne({ _id: CAT })).result.popularity },
  readByFunction: async () => (await union(ann, 'curdOp', { openid: await openidOf(ann), operation: 'read', collection: 'cat', skip: 0, limit: 10, projection: { name: 1 } })),
  noSecrets: () => union(ann, 'getAccessToken'),
  secrets: () => admin.db.collection('app_secret').insertOne({ MP_APPID: 'wx1', MP_SECRET: 's', TOKEN_URL: tokenUrl, IMPORT_KEY: 'k' }),
  token: async () => [await union(ann, 'getAccessToken'), await union(ann, 'getAccessToken')],
  poster: () => union(ann, 'getPoster', { id: CAT }),
  async posterServed (r) {
    const { status, headers, body } = await exchange(r.poster.value.fileUrl, { method: 'GET' })
    return [status, headers['content-type'], body.toString()]
  },
  deleted: r => union(ann, 'deleteFiles', { photoIDs: [r.poster.value.fileId] }),
  timer: () => ask('UpdateFunction', { Name: 'timeTrigger', TimingTriggerConfig: '* * * * * * *', TimingTriggerUserPayload: 'every second' }),
  async ticked () {
    for (let left = 100; left > 0; left--) {
      const { result } = await admin.db.collection('runs').findOne({})
      const { result: rank } = await admin.db.collection('photo_rank').findOne({})
      if (result && rank) return { run: result, stat: rank.stat, bob: await openidOf(bob) }
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  },
  timerOff: () => ask('UpdateFunction', { Name: 'timeTrigger', TimingTriggerConfig: '' }),
  path: () => ask('UpdateFunction', { Name: 'transfer', HttpTriggerPath: '/transfer' }),
  async transferred () {
    const send = async data => JSON.parse((await exchange(`${endpoint}/http/${spaceId}/transfer`, { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ coll: 'moved', secret: 'k', data }) })).body)
    const first = await send([{ _id: 'm1', _openid: 'o-laf', n: 1 }, { _id: 'm2', _openid: 'o-laf', n: 2 }])
    const again = await send([{ _id: 'm2', n: 9 }, { _id: 'm3', _openid: 'o-laf', n: 3 }])
    return { first, again, found: (await admin.db.collection('moved').find({ _openid: 'o-laf' })).result }
  },
  rankAgain: async () => (await admin.function.invoke('timeTrigger', {}))
}).then(results => console.log(JSON.stringify(results)))
