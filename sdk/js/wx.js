module.exports = require('./miniprogram_dist/wx.js')
