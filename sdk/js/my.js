module.exports = require('./miniprogram_dist/my.js')
