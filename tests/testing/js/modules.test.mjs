// vitest.

import { startCloud } from 'yunbox/testing'
import { test } from 'vitest'
import suite from './suite.cjs'

suite(test, startCloud)
