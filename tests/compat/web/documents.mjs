// Documents: adding, finding, changing, removing, aggregating, transactions, and what others own.

import { failure, match, ok, same } from './expect.mjs'

const rows = (result) => {
  if (result.code) throw new Error(`${result.code} ${result.message}`)
  return result.data
}

/**
 * Checks that a write is refused, and the words of the refusal. In gateway mode js-sdk 3.7.0 loses these outside of
 * browsers: its other adapters hand it the answer of a failed request as if it had succeeded.
 */
export async function refusal(client, work, pattern) {
  if (client.isGateway && client.place.kind !== 'browser') await work().catch(() => undefined)
  else match(await failure(work), pattern)
}

export function documents(steps, client, state) {
  const db = () => client.app.database()
  const todos = () => db().collection('todos')
  const refused = (work, pattern) => refusal(client, work, pattern)
  const titles = async (query) => rows(await todos().where(query).orderBy('n', 'asc').get()).map((doc) => doc.title)

  steps.add('create a collection and add', async () => {
    const base = db()
    await base.createCollection('todos')
    const added = await todos().add({
      title: 'a', n: 1, tags: ['x'], nested: { k: 1 }, at: new Date(1700000000000), sd: base.serverDate({ offset: 1000 }), loc: new base.Geo.Point(113.3, 23.1),
    })
    state.id = added.id || added._id
    ok(state.id)
    const fixed = await todos().add({ _id: 'fixed', title: 'b', n: 2, done: true })
    same(fixed.id || fixed._id, 'fixed')
    await todos().add({ title: 'c', n: 3, loc: new base.Geo.Point(121.5, 31.2) })
  })

  steps.add('a taken _id is refused', async () => {
    await refused(() => todos().add({ _id: 'fixed' }), /DUPLICATE|REQUEST_FAILED|E11000/i)
    same(rows(await todos().doc('fixed').get())[0].title, 'b')
  })

  steps.add('doc.get revives types', async () => {
    const [doc] = rows(await todos().doc(state.id).get())
    same([doc.title, doc._openid, doc.at instanceof Date, doc.at.getTime()], ['a', state.uid, true, 1700000000000])
    ok(Math.abs(doc.sd.getTime() - Date.now() - 1000) < 20000, 'the time of the server')
    same([doc.loc.longitude ?? doc.loc.coordinates[0], doc.loc.latitude ?? doc.loc.coordinates[1]], [113.3, 23.1])
  })

  steps.add('doc.get of nothing', async () => same(rows(await todos().doc('nobody').get()), []))

  steps.add('where, orderBy, skip, limit, field', async () => {
    const _ = db().command
    const found = rows(await todos().where({ title: _.in(['a', 'b', 'c']), n: _.gte(1).and(_.lte(3)) })
      .orderBy('n', 'desc').skip(1).limit(1).field({ title: true }).get())
    same(found, [{ _id: 'fixed', title: 'b' }])
  })

  steps.add('logic, existence, nesting', async () => {
    const _ = db().command
    same(await titles(_.or([{ n: 1 }, { done: true }])), ['a', 'b'])
    same(await titles(_.and([{ n: _.gt(0) }, { n: _.neq(2) }])), ['a', 'c'])
    same(await titles({ done: _.exists(false) }), ['a', 'c'])
    same(await titles({ nested: { k: 1 } }), ['a'])
    same(await titles({ n: _.nin([1, 3]) }), ['b'])
  })

  steps.add('regular expressions', async () => {
    same(await titles({ title: db().RegExp({ regexp: '^A', options: 'i' }) }), ['a'])
    same(await titles({ title: /^(B|C)$/i }), ['b', 'c'])
  })

  steps.add('dates', async () => {
    const _ = db().command
    same(await titles({ at: _.lte(new Date()) }), ['a'])
    same(await titles({ at: new Date(1700000000000) }), ['a'])
    same(await titles({ at: _.gt(new Date(1700000000000)) }), [])
  })

  steps.add('arrays', async () => {
    const _ = db().command
    same(await titles({ tags: 'x' }), ['a'])
    same(await titles({ tags: _.all(['x']) }), ['a'])
    same(await titles({ tags: _.size(1) }), ['a'])
  }, client.generation >= 1)

  steps.add('geometry', async () => {
    const base = db()
    const near = await titles({ loc: base.command.geoNear({ geometry: new base.Geo.Point(113.3, 23.1), maxDistance: 5000, minDistance: 0 }) })
    same(near, ['a'])
    const corners = [[120, 30], [123, 30], [123, 33], [120, 30]].map(([x, y]) => new base.Geo.Point(x, y))
    const area = new base.Geo.Polygon([new base.Geo.LineString(corners)])
    same(await titles({ loc: base.command.geoWithin({ geometry: area }) }), ['c'])
  })

  steps.add('count', async () => same((await todos().where({ n: db().command.gt(1) }).count()).total, 2))

  steps.add('pages of a hundred, and more by wish', async () => {
    await Promise.all(Array.from({ length: 105 }, (_item, i) => todos().add({ page: true, i })))
    same(rows(await todos().where({ page: true }).get()).length, 100)
    same(rows(await todos().where({ page: true }).limit(1000).get()).length, 105)
    same((await todos().where({ page: true }).remove()).deleted, 105)
  })

  steps.add('doc.update with commands', async () => {
    const _ = db().command
    const changed = await todos().doc(state.id).update({ title: 'a2', n: _.inc(10), tags: _.push(['y', 'z']), nested: { k: 2 }, gone: _.remove() })
    same(changed.updated, 1)
    const [doc] = rows(await todos().doc(state.id).get())
    same([doc.title, doc.n, doc.tags, doc.nested], ['a2', 11, ['x', 'y', 'z'], { k: 2 }])
  })

  steps.add('more update commands', async () => {
    const _ = db().command
    const doc = todos().doc(state.id)
    await doc.update({ n: _.mul(2), tags: _.unshift(['w']), nested: _.set({ whole: 1 }) })
    await doc.update({ tags: _.pop() })
    const [stored] = rows(await doc.get())
    same([stored.n, stored.tags, stored.nested], [22, ['w', 'x', 'y'], { whole: 1 }])
    await doc.update({ n: 11, tags: _.shift() })
    same(rows(await doc.get())[0].tags, ['x', 'y'])
  })

  steps.add('update of nothing', async () => same((await todos().doc('nobody').update({ n: 1 })).updated, 0))

  steps.add('doc.set replaces, or makes', async () => {
    const made = await todos().doc('set').set({ title: 's', n: 9 })
    same(made.upsertedId ?? made.upsert_id ?? made.upserted_id, 'set')
    same((await todos().doc('set').set({ title: 's2' })).updated, 1)
    same(rows(await todos().doc('set').get()), [{ _id: 'set', title: 's2', _openid: state.uid }])
  })

  steps.add('where.update', async () => {
    same((await todos().where({ n: db().command.gte(2) }).update({ flag: true })).updated, 3)
  })

  steps.add('aggregate', async () => {
    const _ = db().command
    const result = await todos().aggregate().match({ n: _.gte(1) })
      .group({ _id: '$flag', total: _.aggregate.sum('$n'), cnt: _.aggregate.sum(1) }).sort({ _id: 1 }).end()
    same(result.data || result.list, [{ _id: true, total: 16, cnt: 3 }])
  })

  steps.add('a transaction is committed', async () => {
    const tx = await db().startTransaction()
    const got = await tx.collection('todos').doc('fixed').get()
    const doc = client.isGateway ? got.data.list[0] : got.data
    same(doc.title, 'b')
    same((await tx.collection('todos').doc('fixed').update({ inTx: 1 })).updated, 1)
    await tx.collection('todos').doc('txset').set({ z: 1 })
    same(rows(await todos().doc('txset').get()), [])
    await tx.commit()
    same(rows(await todos().doc('txset').get())[0].z, 1)
  })

  steps.add('a transaction is rolled back', async () => {
    const tx = await db().startTransaction()
    await tx.collection('todos').doc('fixed').update({ inTx: 2 })
    await tx.rollback()
    same(rows(await todos().doc('fixed').get())[0].inTx, 1)
  })

  steps.add('a missing collection is named', async () => {
    match(await failure(() => db().collection('nowhere').get()), /DATABASE_COLLECTION_NOT_EXIST/)
  })

  steps.add("somebody else's documents are not there", async () => {
    const theirs = db().collection('theirs')
    same(rows(await theirs.get()), [])
    same(rows(await theirs.doc('secret').get()), [])
    same((await theirs.count()).total, 0)
    same((await theirs.doc('secret').update({ n: 2 })).updated, 0)
    same((await theirs.where({ n: 1 }).update({ n: 2 })).updated, 0)
    same((await theirs.doc('secret').remove()).deleted, 0)
  })

  steps.add('forged owners are refused', async () => {
    const theirs = db().collection('theirs')
    await refused(() => theirs.add({ n: 3, _openid: 'somebody' }), /PERMISSION_DENIED/)
    await refused(() => theirs.doc('secret').set({ n: 2 }), /PERMISSION_DENIED/)
    await refused(() => theirs.where({ _id: 'secret' }).update({ _openid: 'me' }), /PERMISSION_DENIED/)
    same((await theirs.count()).total, 0)
  })

  steps.add('public documents are read, not written', async () => {
    same(rows(await db().collection('public').get()).map((doc) => doc.n), [7])
    await refused(() => db().collection('public').add({ n: 8 }), /PERMISSION_DENIED/)
    await refused(() => db().collection('public').doc('one').update({ n: 8 }), /PERMISSION_DENIED/)
    same((await db().collection('public').where({ n: 8 }).count()).total, 0)
  })

  steps.add('forbidden documents are refused', async () => {
    match(await failure(async () => rows(await db().collection('forbidden').get())), /PERMISSION_DENIED/)
  })

  steps.add('remove', async () => {
    same((await todos().doc(state.id).remove()).deleted, 1)
    same((await todos().doc(state.id).remove()).deleted, 0)
    same((await todos().where({ n: db().command.gte(2) }).remove()).deleted, 2)
  })
}
