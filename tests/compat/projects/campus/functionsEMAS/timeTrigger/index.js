module.exports = async (ctx) => {
  const { triggerName } = ctx.args
  await ctx.mpserverless.db.collection('runs').insertOne({ triggerName, args: ctx.args, source: ctx.env.MP_SOURCE })
  return await Promise.all([require('./photoRank.js')(ctx)])
}
