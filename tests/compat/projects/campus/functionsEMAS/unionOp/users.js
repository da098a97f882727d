module.exports = async (ctx) => {
  const users = ctx.mpserverless.db.collection('user')
  const { openid, op } = ctx.args
  if (op === 'get') {
    const { result: known } = await users.findOne({ openid })
    if (known) return known
    const { result: count } = await users.count({})
    await users.insertOne(count === 0 ? { openid, manager: 99 } : { openid })
    return (await users.findOne({ openid })).result
  }
  if (op === 'update') {
    const { _id, ...user } = ctx.args.user
    delete user.openid
    delete user.manager
    await users.updateOne({ _id }, { $set: user })
    return (await users.findOne({ openid })).result
  }
  return 'unknown op: ' + op
}
