'use strict'
// Rows for aggregation: every stage, and every expression operator once.

const AT = new Date('2020-02-29T13:14:15.016Z')

exports.groups = (sdk) => {
  const { db, _, $, data, list, kind, name } = sdk
  const sales = db.collection('sales')
  if (!sales.aggregate) return [{ title: 'aggregation', has: false }]
  const pipe = () => sales.aggregate()
  const Point = (longitude, latitude) => new db.Geo.Point(longitude, latitude)
  const [major] = name.slice(name.lastIndexOf('-') + 1).split('.').map(Number)
  const keys = async (stages) => list(await stages.end()).map((found) => found._id)
  const whole = async (stages) => list(await stages.end())

  const prepare = [['data', async () => {
    await db.createCollection('sales')
    await sales.add(data({ _id: 's1', item: 'a', price: 10, q: 2, at: AT, tags: ['x', 'y'], nested: { v: 1 }, loc: Point(113, 23) }))
    await sales.add(data({ _id: 's2', item: 'a', price: 20, q: 1, at: new Date(+AT + 1000), tags: ['x'], loc: Point(113.1, 23) }))
    await sales.add(data({ _id: 's3', item: 'b', price: 5, q: 10, tags: [] }))
    return (await sales.count()).total
  }, 3]]

  const stages = [
    ['match', () => keys(pipe().match({ price: _.gt(5) }).sort({ _id: 1 })), ['s1', 's2']],
    ['match with a value', () => keys(pipe().match({ item: 'b' })), ['s3']],
    ['match with a date', () => keys(pipe().match({ at: _.lte(AT) })), ['s1']],
    ['match with or', () => keys(pipe().match(_.or([{ price: 5 }, { q: 1 }])).sort({ _id: 1 })), ['s2', 's3']],
    ['project, sort, skip, limit', () => whole(pipe().sort({ price: -1 }).skip(1).limit(1).project({ _id: 0, price: 1, twice: $.multiply(['$price', 2]) })), [{ price: 10, twice: 20 }]],
    ['group', () => whole(pipe().group({
      _id: '$item', total: $.sum('$price'), mean: $.avg('$price'), low: $.min('$q'), high: $.max('$q'), all: $.push('$q'), set: $.addToSet('$item'), first: $.first('$q'), last: $.last('$q'),
    }).sort({ _id: 1 })), [
      { _id: 'a', total: 30, mean: 15, low: 1, high: 2, all: [2, 1], set: ['a'], first: 2, last: 1 },
      { _id: 'b', total: 5, mean: 5, low: 10, high: 10, all: [10], set: ['b'], first: 10, last: 10 },
    ]],
    ['group with deviations', () => whole(pipe().group({ _id: null, pop: $.stdDevPop('$n'), samp: $.stdDevSamp('$price') }).project({ pop: 1, samp: $.trunc('$samp') })), [{ _id: null, pop: null, samp: 7 }]],
    ['a date comes back as a date', async () => (await whole(pipe().match({ _id: 's1' }).project({ at: 1 })))[0].at, AT.toISOString()],
    ['addFields', () => whole(pipe().match({ _id: 's1' }).addFields({ sum: $.add(['$price', '$q']) }).project({ sum: 1 })), [{ _id: 's1', sum: 12 }]],
    ['unwind', () => keys(pipe().unwind('$tags').sort({ _id: 1 })), ['s1', 's1', 's2']],
    ['unwind with options', () => whole(pipe().unwind({ path: '$tags', includeArrayIndex: 'i', preserveNullAndEmptyArrays: true }).sort({ _id: 1, i: 1 }).project({ i: 1 })), [{ _id: 's1', i: 0 }, { _id: 's1', i: 1 }, { _id: 's2', i: 0 }, { _id: 's3', i: null }]],
    ['count', () => whole(pipe().match({ item: 'a' }).count('total')), [{ total: 2 }]],
    ['sortByCount', () => whole(pipe().sortByCount('$item')), [{ _id: 'a', count: 2 }, { _id: 'b', count: 1 }]],
    ['sample', async () => (await whole(pipe().sample({ size: 2 }))).length, 2],
    ['replaceRoot', () => whole(pipe().match({ _id: 's1' }).replaceRoot({ newRoot: '$nested' })), [{ v: 1 }]],
    ['bucket', () => whole(pipe().bucket({ groupBy: '$price', boundaries: [0, 10, 20], default: 'more', output: { count: $.sum(1) } })), [{ _id: 0, count: 1 }, { _id: 10, count: 1 }, { _id: 'more', count: 1 }]],
    ['bucketAuto', async () => (await whole(pipe().bucketAuto({ groupBy: '$price', buckets: 2 }))).map((found) => found.count), [2, 1]],
    ['lookup', () => whole(pipe().match({ _id: 's1' }).lookup({ from: 'sales', localField: 'item', foreignField: 'item', as: 'same' }).project({ n: $.size('$same') })), [{ _id: 's1', n: 2 }]],
    ['geoNear', async () => (await whole(pipe().geoNear({ distanceField: 'd', spherical: true, near: Point(113, 23), query: { item: 'a' }, key: 'loc' }))).map((found) => [found._id, Math.round(found.d)]), (found) => found.length === 2 && found[0][0] === 's1' && found[0][1] === 0 && found[1][1] > 10_000],
    ['an unknown collection', () => db.collection('nowhere').aggregate().match({ a: 1 }).end(), new Set([{ error: 'DATABASE_COLLECTION_NOT_EXIST' }, { error: -502005 }])],
    ['a wrong stage', () => pipe().project({ a: { $nonsense: 1 } }).end(), new Set([{ error: 'DATABASE_REQUEST_FAILED' }, { error: 'DATABASE_INVALID_OPERRATOR' }, { error: -502001 }, { error: -502002 }])],
  ]

  const joined = [
    ['lookup with a pipeline', () => whole(pipe().match({ _id: 's1' }).lookup({
      from: 'sales', let: { least: '$price' }, pipeline: $.pipeline().match(_.expr($.gt(['$price', '$$least']))).project({ price: 1 }).done(), as: 'dearer',
    }).project({ dearer: 1 })), [{ _id: 's1', dearer: [{ _id: 's2', price: 20 }] }]],
    ['meta of a text search', async () => (await whole(pipe().match({ $text: _.text({ search: 'b' }) }).project({ score: $.meta('textScore') }))).map((found) => [found._id, found.score > 0]), [['s3', true]]],
  ]

  // Stages that wx-server-sdk offers but the package below it does not have: they fail before any request.
  const offered = ['collStats', 'facet', 'graphLookup', 'indexStats', 'out', 'redact'].map((stage) => [
    stage, () => pipe()[stage]({}).end(), (result) => result !== null && result.error !== undefined,
  ])

  const expressions = {
    abs: [-1, 1],
    add: [[1, 2], 3],
    allElementsTrue: [[[true, 1]], true],
    and: [[true, false], false],
    anyElementTrue: [[[false, 1]], true],
    arrayElemAt: [['$tags', 1], 'y'],
    arrayToObject: [$.literal && $.literal([{ k: 'a', v: 1 }]), { a: 1 }],
    ceil: [1.2, 2],
    cmp: [[1, 2], -1],
    concat: [['a', '$item'], 'aa'],
    concatArrays: [[['$item'], ['z']], ['a', 'z']],
    cond: [{ if: true, then: 1, else: 2 }, 1],
    dateFromParts: [{ year: 2020, month: 2, day: 29 }, '2020-02-29T00:00:00.000Z'],
    dateFromString: [{ dateString: '2020-02-29T00:00:00Z' }, '2020-02-29T00:00:00.000Z'],
    dateToString: [{ date: '$at', format: '%Y-%m-%d %H', timezone: 'Asia/Shanghai' }, '2020-02-29 21'],
    dayOfMonth: ['$at', 29],
    dayOfWeek: ['$at', 7],
    dayOfYear: ['$at', 60],
    divide: [[9, 3], 3],
    eq: [[1, 1], true],
    exp: [0, 1],
    filter: [{ input: '$tags', as: 't', cond: $.eq(['$$t', 'x']) }, ['x']],
    floor: [1.8, 1],
    gt: [[2, 1], true],
    gte: [[1, 1], true],
    hour: ['$at', 13],
    ifNull: [['$nothing', 'd'], 'd'],
    in: [['x', '$tags'], true],
    indexOfArray: [['$tags', 'y'], 1],
    indexOfBytes: [['文c', 'c'], 3],
    indexOfCP: [['文c', 'c'], 1],
    isArray: ['$tags', true],
    isoDayOfWeek: ['$at', 6],
    isoWeek: ['$at', 9],
    isoWeekYear: ['$at', 2020],
    let: [{ vars: { v: 2 }, in: $.multiply(['$$v', 3]) }, 6],
    literal: ['$x', '$x'],
    ln: [1, 0],
    log: [[100, 10], 2],
    log10: [100, 2],
    lt: [[1, 2], true],
    lte: [[2, 2], true],
    map: [{ input: '$tags', as: 't', in: $.concat(['$$t', '!']) }, ['x!', 'y!']],
    mergeObjects: [['$nested', { w: 2 }], { v: 1, w: 2 }],
    millisecond: ['$at', 16],
    minute: ['$at', 14],
    mod: [[7, 3], 1],
    month: ['$at', 2],
    multiply: [[2, 3], 6],
    neq: [[1, 2], true],
    not: [[false], true],
    objectToArray: ['$nested', [{ k: 'v', v: 1 }]],
    or: [[true, false], true],
    pow: [[2, 3], 8],
    range: [[0, 3], [0, 1, 2]],
    reduce: [{ input: '$tags', initialValue: '', in: $.concat(['$$value', '$$this']) }, 'xy'],
    reverseArray: ['$tags', ['y', 'x']],
    second: ['$at', 15],
    setDifference: [[['a', 'b'], ['a']], ['b']],
    setEquals: [[['a', 'b'], ['b', 'a']], true],
    setIntersection: [[['a', 'b'], ['b']], ['b']],
    setIsSubset: [[['a'], ['a', 'b']], true],
    setUnion: [[['a'], ['a']], ['a']],
    size: ['$tags', 2],
    slice: [['$tags', 1], ['x']],
    split: [['a-b', '-'], ['a', 'b']],
    sqrt: [9, 3],
    strLenBytes: ['文', 3],
    strLenCP: ['文', 1],
    strcasecmp: [['A', 'a'], 0],
    substr: [['abc', 0, 2], 'ab'],
    substrBytes: [['abc', 1, 2], 'bc'],
    substrCP: [['文字', 1, 1], '字'],
    subtract: [[5, 2], 3],
    switch: [{ branches: [{ case: $.gt([1, 2]), then: 1 }], default: 2 }, 2],
    toLower: ['ABC', 'abc'],
    toUpper: ['$item', 'A'],
    trunc: [1.9, 1],
    week: ['$at', 8],
    year: ['$at', 2020],
    zip: [{ inputs: ['$tags', [1, 2]] }, [['x', 1], ['y', 2]]],
  }
  const rows = Object.entries(expressions).map(([operator, [argument, expected]]) => [
    operator, async () => (await whole(pipe().match({ _id: 's1' }).project({ _id: 0, result: $[operator](argument) })))[0].result, expected,
  ])

  return [
    { title: 'aggregation', has: true, rows: [...prepare, ...stages] },
    { title: 'joined', has: Boolean($.pipeline && _.text), rows: joined },
    { title: 'offered stages', has: kind === 'wx' && major >= 1, rows: offered },
    { title: 'expressions', has: true, rows },
  ]
}
