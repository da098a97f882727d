'use strict'
// node:test and jest; two files hold this, and run at the same time.

const { startCloud } = require('yunbox/testing')
const suite = require('./suite.cjs')

suite(globalThis.test || require('node:test').test, startCloud)
