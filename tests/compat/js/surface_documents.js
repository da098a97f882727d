'use strict'
// Rows [name, call, expected result] for documents: adding, reading, every query and update command, transactions.

const AT = new Date(1700000000000)
const DAY = 86_400_000

exports.groups = (sdk) => {
  const { db, _, data, one, updated, removed, id, kind } = sdk
  const main = db.collection('surface')
  const shape = (name) => (...values) => new db.Geo[name](...values) // some versions' shapes are not callable without `new`
  const [Point, LineString, Polygon, MultiPoint, MultiLineString, MultiPolygon] = ['Point', 'LineString', 'Polygon', 'MultiPoint', 'MultiLineString', 'MultiPolygon'].map(shape)
  const line = (...pairs) => LineString(pairs.map(([longitude, latitude]) => Point(longitude, latitude)))
  const square = (low, high) => line([low, low], [high, low], [high, high], [low, high], [low, low])
  const ids = async (query) => (await query.get()).data.map((found) => found._id).sort()
  const where = (condition) => ids(main.where(condition))
  const doc = async (name) => one(await main.doc(name).get())
  /** Puts `before` at `u`, updates it, and shows what became of it. */
  const change = async (before, change) => {
    await main.doc('u').set(data(before))
    const count = updated(await main.doc('u').update(data(change)))
    const { _id, ...after } = await doc('u')
    return [count, after]
  }

  const adding = [
    ['createCollection', async () => Boolean(await db.createCollection('surface')), true],
    ['createCollection again', () => db.createCollection('surface'), new Set([{ error: 'DATABASE_COLLECTION_ALREADY_EXIST' }, { error: -501001 }])],
    ['add', async () => /^[0-9a-f]{32}$/.test(id(await main.add(data({ gone: true })))), true],
    ['add with an id', async () => id(await main.add(data({ _id: 'a', n: 1, t: 'apple', tags: ['x', 'y'], list: [{ k: 1, v: 2 }, { k: 5, v: 6 }], o: { p: 1, q: { r: 2 } }, at: AT, nil: null, loc: Point(113, 23) }))), 'a'],
    ['add another', async () => id(await main.add(data({ _id: 'b', n: 2, t: 'Banana', tags: ['y'], list: [{ k: 3 }], o: { p: 2 }, at: new Date(+AT + DAY), loc: Point(114, 22) }))), 'b'],
    ['add a third', async () => id(await main.add(data({ _id: 'c', n: 3.5, t: 'cherry', tags: [], o: { p: 1 }, big: 1234567890123, 文: '值' }))), 'c'],
    ['add with a number as id', async () => id(await main.add(data({ _id: 5, n: 4, t: 'Date' }))), 5],
    ['add the same id', () => main.add(data({ _id: 'a' })), new Set([{ error: 'DATABASE_DUPLICATE_WRITE' }, { error: 'DATABASE_REQUEST_FAILED' }, { error: -502001 }])],
    ['add to no collection', () => db.collection('nowhere').add(data({ a: 1 })), new Set([{ error: 'DATABASE_COLLECTION_NOT_EXIST' }, { error: -502005 }])],
    ['add a wrong field name', () => main.add(data({ $a: 1 })), new Set([{ error: 'DATABASE_REQUEST_FAILED' }, { error: -502001 }])],
    ['add a server date', async () => {
      const before = Date.now()
      await main.doc('dates').set(data({ now: db.serverDate(), later: db.serverDate({ offset: 60000 }) }))
      const { now, later } = await doc('dates')
      await main.doc('dates').remove()
      return [Math.abs(now - before) < 60_000, later - now]
    }, [true, 60000]],
    ['every shape', async () => {
      const ring = square(0, 4)
      await main.doc('shapes').set(data({
        point: Point(1, 2), line: line([0, 0], [1, 1]), polygon: Polygon([ring]), points: MultiPoint([Point(1, 2), Point(3, 4)]),
        lines: MultiLineString([line([0, 0], [1, 1])]), polygons: MultiPolygon([Polygon([ring])]),
      }))
      const { _id, ...shapes } = await doc('shapes')
      await main.doc('shapes').remove()
      return [Object.values(shapes).map((shape) => shape.constructor.name), [shapes.point.longitude, shapes.point.latitude], shapes.polygon.lines[0].points.length]
    }, [['Point', 'LineString', 'Polygon', 'MultiPoint', 'MultiLineString', 'MultiPolygon'], [1, 2], 5]],
    ['a point outside the earth', () => main.add(data({ loc: { type: 'Point', coordinates: [500, 0] } })), new Set([{ error: 'INVALID_PARAM' }, { error: -501007 }])],
  ]

  const reading = [
    ['doc.get', async () => {
      const { _id, n, t, tags, list, o, at, nil } = await doc('a')
      return [_id, n, t, tags, list, o, at instanceof Date, +at, nil]
    }, ['a', 1, 'apple', ['x', 'y'], [{ k: 1, v: 2 }, { k: 5, v: 6 }], { p: 1, q: { r: 2 } }, true, +AT, null]],
    ['doc.get of other values', () => doc('c'), { _id: 'c', n: 3.5, t: 'cherry', tags: [], o: { p: 1 }, big: 1234567890123, 文: '值' }],
    ['doc.get by number', async () => (await doc(5)).n, 4],
    ['doc.get of nobody', async () => {
      try { return (await doc('nobody')) === undefined } catch (error) { return /does not exist/.test(error.errMsg || error.message) }
    }, true],
    ['doc.field.get', async () => Object.keys(one(await main.doc('a').field({ n: true }).get())).sort(), ['_id', 'n']],
    ['collection.get', async () => (await main.get()).data.length, 5],
    ['no collection', () => db.collection('nowhere').get(), new Set([{ error: 'DATABASE_COLLECTION_NOT_EXIST' }, { error: -502005 }])],
    ['where a value', () => where({ t: 'apple' }), ['a']],
    ['where a nested object', () => where({ o: { q: { r: 2 } } }), ['a']],
    ['where a dotted path', () => where({ 'o.p': 1 }), ['a', 'c']],
    ['where null', () => where({ nil: null, t: 'apple' }), ['a']],
    ['where a date', () => where({ at: AT }), ['a']],
    ['where before a date', () => where({ at: _.lt(new Date(+AT + 1)) }), ['a']],
    ['where before the server date', () => where({ at: _.lt(db.serverDate()) }), ['a', 'b']],
    ['where a regular expression', () => where({ t: /^b/i }), ['b']],
    ['where db.RegExp', () => where({ t: db.RegExp({ regexp: '^B', options: 'i' }) }), ['b']],
    ['where db.RegExp without options', () => where({ t: db.RegExp({ regexp: '^B' }) }), ['b']],
    ['eq', () => where({ n: _.eq(1) }), ['a']],
    ['eq an object', () => where({ o: _.eq({ p: 2 }) }), ['b']],
    ['neq', () => where({ n: _.neq(1), t: _.in(['apple', 'Banana']) }), ['b']],
    ['lt', () => where({ n: _.lt(2) }), ['a']],
    ['lte', () => where({ n: _.lte(2) }), ['a', 'b']],
    ['gt', () => where({ n: _.gt(3.5) }), [5]],
    ['gte', () => where({ n: _.gte(3.5) }), [5, 'c']],
    ['in', () => where({ n: _.in([1, 4, 100]) }), [5, 'a']],
    ['nin', () => where({ n: _.nin([1, 2, null]) }), [5, 'c']],
    ['in of texts', () => where({ tags: _.in(['x']) }), ['a']],
    ['and in a chain', () => where({ n: _.gt(1).and(_.lt(3)) }), ['b']],
    ['or in a chain', () => where({ n: _.lt(2).or(_.gt(3.5)) }), [5, 'a']],
    ['or of commands', () => where({ n: _.or(_.eq(1), _.eq(2)) }), ['a', 'b']],
    ['or of a list', () => where({ n: _.or([_.eq(1), _.eq(4)]) }), [5, 'a']],
    ['and of commands', () => where({ n: _.and(_.gte(2), _.lte(3.5)) }), ['b', 'c']],
    ['or across fields', () => where(_.or([{ n: 1 }, { t: 'cherry' }])), ['a', 'c']],
    ['and across fields', () => where(_.and([{ n: _.gt(1) }, { t: 'cherry' }])), ['c']],
    ['and with or', () => where(_.and(_.or({ n: 1 }, { n: 2 }), { tags: 'x' })), ['a']],
    ['orderBy, skip, limit, field', async () => (await main.where({ n: _.gt(0) }).orderBy('n', 'desc').skip(1).limit(2).field({ n: true, _id: false }).get()).data, [{ n: 3.5 }, { n: 2 }]],
    ['orderBy of the collection', async () => (await main.orderBy('n', 'asc').where({ n: _.gt(0) }).get()).data.map((found) => found.n), [1, 2, 3.5, 4]],
    ['limit of the collection', async () => (await main.limit(2).get()).data.length, 2],
    ['skip of the collection', async () => (await main.skip(3).get()).data.length, 2],
    ['field of the collection', async () => (await main.field({ t: false, _id: false }).where({ n: 4 }).get()).data, [{ n: 4 }]],
    ['limit 1000', async () => (await main.limit(1000).get()).data.length, 5],
    ['count of a query', async () => (await main.where({ n: _.gt(1) }).count()).total, 3],
    ['count of the collection', async () => (await main.count()).total, 5],
    ['geoNear', () => where({ loc: _.geoNear({ geometry: Point(113, 23), maxDistance: 1000, minDistance: 0 }) }), ['a']],
    ['geoWithin', () => where({ loc: _.geoWithin({ geometry: Polygon([line([110, 20], [115, 20], [115, 25], [110, 25], [110, 20])]) }) }), ['a', 'b']],
    ['geoIntersects', () => where({ loc: _.geoIntersects({ geometry: line([113, 22], [113, 24]) }) }), ['a']],
    ['an unknown command', () => main.where({ n: { $nonsense: 1 } }).get(), new Set([{ error: 'DATABASE_REQUEST_FAILED' }, { error: 'DATABASE_INVALID_OPERRATOR' }, { error: -502001 }, { error: -502002 }])],
  ]

  const changing = [
    ['doc.update', () => change({ n: 1, o: { p: 1, q: 2 } }, { n: 2, o: { p: 9 } }), [1, { n: 2, o: { p: 9, q: 2 } }]],
    ['set', () => change({ o: { p: 1, q: 2 } }, { o: _.set({ p: 9 }) }), [1, { o: { p: 9 } }]],
    ['remove', () => change({ n: 1, m: 2 }, { m: _.remove() }), [1, { n: 1 }]],
    ['inc', () => change({ n: 1 }, { n: _.inc(-2) }), [1, { n: -1 }]],
    ['mul', () => change({ n: 3 }, { n: _.mul(2) }), [1, { n: 6 }]],
    ['push', () => change({ l: [1] }, { l: _.push(2) }), [1, { l: [1, 2] }]],
    ['push a list', () => change({ l: [1] }, { l: _.push([2, 3]) }), [1, { l: [1, 2, 3] }]],
    ['unshift', () => change({ l: [1] }, { l: _.unshift([2, 3]) }), [1, { l: [2, 3, 1] }]],
    ['pop', () => change({ l: [1, 2] }, { l: _.pop() }), [1, { l: [1] }]],
    ['shift', () => change({ l: [1, 2] }, { l: _.shift() }), [1, { l: [2] }]],
    ['one item of a list', () => change({ l: [1, 2] }, { 'l.1': 9 }), [1, { l: [1, 9] }]],
    ['a path', () => change({ o: { p: 1, q: 2 } }, { 'o.q': null }), [1, { o: { p: 1, q: null } }]],
    ['a date', async () => (await change({ at: 0 }, { at: AT }))[1].at, AT.toISOString()],
    ['update of nobody', async () => updated(await main.doc('nobody').update(data({ n: 1 }))), 0],
    ['update without a change', async () => updated(await main.doc('a').update(data({ n: 1 }))), 0],
    ['doc.set anew', async () => { const done = await main.doc('s').set(data({ n: 1 })); return done.stats ? [done.stats.created, done._id] : [done.updated === 0 ? 1 : 0, done.upsertedId] }, [1, 's']],
    ['doc.set again', async () => [updated(await main.doc('s').set(data({ m: 2 }))), await doc('s')], [1, { _id: 's', m: 2 }]],
    ['update of many', async () => updated(await main.where({ n: _.in([1, 2]) }).update(data({ seen: true }))), 2],
    ['update without where', () => main.update(data({ n: 1 })), (result) => result && result.error !== undefined],
    ['doc.remove', async () => removed(await main.doc('s').remove()), 1],
    ['doc.remove of nobody', async () => removed(await main.doc('nobody').remove()), 0],
    ['remove of many', async () => removed(await main.where({ _id: 'u' }).remove()), 1],
    ['remove without where', () => main.remove(), (result) => result && result.error !== undefined],
  ]

  const operators = [
    ['nor', () => where({ n: _.nor([_.eq(1), _.gt(2), _.exists(false)]) }), ['b']],
    ['nor across fields', () => where(_.nor([{ n: _.gt(1) }, { n: _.exists(false) }])), ['a']],
    ['not', () => where({ n: _.not(_.gt(1)), t: _.exists(true) }), ['a']],
    ['not with a regular expression', () => where({ t: _.not(_.eq('apple')).and(_.exists(true)) }), [5, 'b', 'c']],
    ['all', () => where({ tags: _.all(['y', 'x']) }), ['a']],
    ['elemMatch', () => where({ list: _.elemMatch({ k: _.gt(2), v: 6 }) }), ['a']],
    ['elemMatch of values', () => where({ tags: _.elemMatch(_.eq('x')) }), ['a']],
    ['exists', () => where({ big: _.exists(true) }), ['c']],
    ['size', () => where({ tags: _.size(2) }), ['a']],
    ['mod', () => where({ n: _.mod([2, 0]) }), [5, 'b']],
    ['expr', () => where(_.expr(_.aggregate.gt(['$n', '$o.p']))), [5, 'c']],
    ['jsonSchema', () => where(_.jsonSchema({ required: ['big'], properties: { big: { bsonType: 'number' } } })), ['c']],
    ['text', () => where({ $text: _.text({ search: 'apple' }) }), ['a']],
    ['field with slice', async () => (await main.where({ _id: 'a' }).field({ tags: _.project.slice(1), _id: 0, n: 1 }).get()).data[0].tags, ['x']],
    ['field with elemMatch', async () => (await main.where({ _id: 'a' }).field({ list: _.project.elemMatch({ k: 5 }), _id: 0, n: 1 }).get()).data[0].list, [{ k: 5, v: 6 }]],
    ['push with options', () => change({ l: [3, 1] }, { l: _.push({ each: [2], position: 0, sort: 1, slice: 2 }) }), [1, { l: [1, 2] }]],
    ['pull', () => change({ l: [1, 2, 1] }, { l: _.pull(1) }), [1, { l: [2] }]],
    ['pull with a command', () => change({ l: [1, 2, 3] }, { l: _.pull(_.gte(2)) }), [1, { l: [1] }]],
    ['pull with in', () => change({ l: [1, 2, 3] }, { l: _.pull(_.in([1, 3])) }), [1, { l: [2] }]],
    ['pull of objects', () => change({ l: [{ k: 1 }, { k: 2 }] }, { l: _.pull({ k: 1 }) }), [1, { l: [{ k: 2 }] }]],
    ['pullAll', () => change({ l: [1, 2, 3] }, { l: _.pullAll([1, 3]) }), [1, { l: [2] }]],
    ['addToSet', () => change({ l: [1] }, { l: _.addToSet(2) }), [1, { l: [1, 2] }]],
    ['addToSet of many', () => change({ l: [1] }, { l: _.addToSet({ $each: [1, 2, 3] }) }), [1, { l: [1, 2, 3] }]],
    ['rename', () => change({ x: 1 }, { x: _.rename('y') }), [1, { y: 1 }]],
    ['max', () => change({ n: 1, m: 9 }, { n: _.max(5), m: _.max(5) }), [1, { n: 5, m: 9 }]],
    ['min', () => change({ n: 1, m: 9 }, { n: _.min(5), m: _.min(5) }), [1, { n: 1, m: 5 }]],
    ['all of elemMatch', () => where({ list: _.all([_.elemMatch({ k: _.gt(2) })]) }), ['a', 'b']],
    ['elemMatch with and', () => where({ list: _.elemMatch({ k: _.gt(1).and(_.lt(5)) }) }), ['b']],
    ['elemMatch in elemMatch', async () => {
      await main.doc('deep').set(data({ outer: [{ inner: [{ s: 'x' }, { s: 'y' }] }] }))
      const found = await where({ outer: _.elemMatch({ inner: _.elemMatch({ s: _.in(['y']) }) }) })
      await main.doc('deep').remove()
      return found
    }, ['deep']],
    ['set with a date inside', () => change({ o: 0 }, { o: _.set({ at: AT, n: 1 }) }), [1, { o: { at: AT, n: 1 } }]],
    ['max of a date', () => change({ at: 0, t: 'x' }, { at: _.max(AT), t: _.set('2020-01-01T00:00:00.000Z') }), [1, { at: AT, t: '2020-01-01T00:00:00.000Z' }]],
    ['a buffer', async () => { await main.doc('bytes').set(data({ b: Buffer.from('ab'), at: AT })); return removed(await main.doc('bytes').remove()) }, 1],
    ['bit', () => change({ n: 5 }, { n: _.bit({ and: 6 }) }), [1, { n: 4 }]],
  ]

  const { groups } = require('./surface_writes')
  return [
    { title: 'adding', has: true, rows: adding },
    { title: 'reading', has: true, rows: reading },
    { title: 'changing', has: true, rows: changing },
    { title: 'operators', has: Boolean(_.nor), rows: operators },
    ...groups({ ...sdk, main, doc, ids, where, kind }),
  ]
}
