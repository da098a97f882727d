module.exports = async (ctx) => {
  const cache = ctx.mpserverless.db.collection('server_cache')
  const { result: record } = await cache.findOne({ _id: 'accessToken' })
  if (record && Math.floor(Date.now() / 1000) < record.expiredAt - 300) return { token: record.token, cached: true }
  const { result: secrets } = await ctx.mpserverless.db.collection('app_secret').findOne()
  if (!secrets?.MP_APPID) throw new Error('缺少 AppID 或 AppSecret 配置')
  const answer = await ctx.httpclient.request(secrets.TOKEN_URL, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    data: { appid: secrets.MP_APPID, secret: secrets.MP_SECRET, force_refresh: false },
    dataType: 'json',
    timeout: 10000
  })
  if (answer.status !== 200) throw new Error(`HTTP错误: ${answer.status}`)
  const data = { token: answer.data.access_token, expiredAt: Math.floor(Date.now() / 1000) + 7200, lastUpdate: new Date() }
  await cache.findOneAndUpdate({ _id: 'accessToken' }, { $set: data }, { upsert: true })
  return { token: data.token, cached: false }
}
