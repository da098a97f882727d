// Takes records from another cloud over HTTP: { coll, data, secret }.
module.exports = async (ctx) => {
  const body = JSON.parse(ctx.args.body)
  const { result: secrets } = await ctx.mpserverless.db.collection('app_secret').findOne()
  if (!secrets?.IMPORT_KEY || body.secret !== secrets.IMPORT_KEY) return { success: false, message: '密码错误' }
  try {
    await ctx.mpserverless.db.collection(body.coll).insertMany(body.data)
    return { success: true, source: ctx.env.MP_SOURCE }
  } catch (error) {
    const outcomes = []
    for (const element of body.data) {
      try {
        await ctx.mpserverless.db.collection(body.coll).insertOne(element)
        outcomes.push({ success: true, _id: element._id })
      } catch (failure) {
        outcomes.push({ success: false, _id: element._id, error: failure.message })
      }
    }
    return outcomes
  }
}
