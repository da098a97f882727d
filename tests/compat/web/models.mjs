// Data models: the calls of @cloudbase/wx-cloud-client-sdk, also inside js-sdk 2.x and 3.x as `app.models`.

import { failure, match, ok, same } from './expect.mjs'

/** `models` is the SDK's object, for a signed-in user; the collection `post` is there. */
export function modelSteps(steps, models) {
  const where = (condition) => ({ filter: { where: condition } })
  const titles = async (condition, more) => (await models().post.list({ ...where(condition), orderBy: [{ n: 'asc' }], ...more })).data.records.map((record) => record.title)
  const state = {}

  steps.add('models: create and get', async () => {
    const { data } = await models().post.create({ data: { title: '你好，世界', n: 1, createdAt: 5 } })
    match(data.id, /^[0-9a-f]{24,32}$/)
    const { data: record } = await models().post.get({ ...where({ _id: { $eq: data.id } }), select: { $master: true } })
    same([record._id, record.title, record.n, record.owner === record._openid, record.createBy === record.owner], [data.id, '你好，世界', 1, true, true])
    ok(Math.abs(record.createdAt - Date.now()) < 60_000 && record.updatedAt === record.createdAt, 'times of the server')
    state.id = data.id
  })

  steps.add('models: createMany', async () => {
    const { data } = await models().post.createMany({ data: [{ title: 'Two', n: 2, body: '' }, { title: 'three', n: 3, body: 'text' }] })
    same(data.idList.length, 2)
  })

  steps.add('models: conditions', async () => {
    same(await titles({}), ['你好，世界', 'Two', 'three'])
    same(await titles({ title: { $search: '世界' } }), ['你好，世界'])
    same(await titles({ title: { $search: 't' } }), ['three'])
    same(await titles({ title: { $search_ci: 'T' } }), ['Two', 'three'])
    same(await titles({ title: { $nsearch_ci: 't' } }), ['你好，世界'])
    same(await titles({ body: { $empty: true } }), ['你好，世界'])
    same(await titles({ body: { $nempty: true } }), ['Two', 'three'])
    same(await titles({ $or: [{ n: { $eq: 1 } }, { n: { $gt: 2 } }] }), ['你好，世界', 'three'])
    same(await titles({ n: { $gte: 2, $neq: 3 } }), ['Two'])
    same(await titles({ $and: [{ n: { $in: [1, 2] } }, { n: { $nin: [1] } }] }), ['Two'])
  })

  steps.add('models: pages, order, fields', async () => {
    const { data } = await models().post.list({ ...where({}), select: { title: true }, orderBy: [{ n: 'desc' }], pageSize: 2, pageNumber: 2, getCount: true })
    same(data, { records: [{ _id: state.id, title: '你好，世界' }], total: 3 })
  })

  steps.add('models: update and upsert', async () => {
    same((await models().post.update({ data: { title: 'One' }, ...where({ _id: { $eq: state.id } }) })).data, { count: 1 })
    same((await models().post.updateMany({ data: { seen: true }, ...where({ n: { $lt: 3 } }) })).data, { count: 2 })
    same((await models().post.update({ data: { title: 'x' }, ...where({ n: { $eq: 99 } }) })).data, { count: 0 })
    same((await models().post.upsert({ update: { n: 10 }, create: { title: 'no' }, ...where({ title: { $eq: 'One' } }) })).data, { count: 1, id: '' })
    const { data } = await models().post.upsert({ update: { n: 4 }, create: { title: 'four', n: 4 }, ...where({ title: { $eq: 'four' } }) })
    same([data.count, typeof data.id], [0, 'string'])
    same(await titles({}), ['Two', 'three', 'four', 'One'])
  })

  steps.add('models: delete', async () => {
    same((await models().post.delete(where({ _id: { $eq: state.id } }))).data, { count: 1 })
    same((await models().post.deleteMany(where({ n: { $gt: 2 } }))).data, { count: 2 })
    same(await titles({}), ['Two'])
    same((await models().post.get(where({ _id: { $eq: 'nobody' } }))).data, {})
  })

  steps.add('models: what is not there says so', async () => {
    match(await failure(() => models().nothing.list(where({}))), /not exist|NOT_EXIST/i)
    match(await failure(() => models().post.list(where({ n: { $like: 1 } }))), /\$like|运算符/)
    match(await failure(() => models().post.list({ filter: { where: {}, relateWhere: { comments: {} } } })), /relation|关联/)
    match(await failure(() => models().post.list({ ...where({}), envType: 'pre' })), /prod/)
    match(await failure(() => models().$runSQL('SELECT 1')), /SQL|FUNCTION_NOT_FOUND/)
  })
}
