const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const db = cloud.database()
const _ = db.command

// Who calls: nothing to check, the platform vouches for it. Remembers the first and the latest visit.
exports.main = async () => {
  const { OPENID, APPID } = cloud.getWXContext()
  const users = db.collection('users')
  const changed = await users.doc(OPENID).update({ data: { lastVisit: db.serverDate(), visits: _.inc(1) } })
  if (changed.stats.updated === 0) {
    await users.doc(OPENID).set({ data: { firstVisit: db.serverDate(), lastVisit: db.serverDate(), visits: 1 } })
  }
  const { data: user } = await users.doc(OPENID).get()
  return { openid: OPENID, appid: APPID, visits: user.visits }
}
