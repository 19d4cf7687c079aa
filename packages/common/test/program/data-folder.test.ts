import { expect, test } from 'vitest'
import { dataFolder } from '../../src/program/index.ts'

const on = (platform: NodeJS.Platform, home: string, env = {}) => dataFolder({ platform, home, env }, 'mailseal')

test('each platform has its own place for data', () => {
  expect(on('linux', '/home/a')).toBe('/home/a/.local/share/mailseal')
  expect(on('linux', '/home/a', { XDG_DATA_HOME: '/data' })).toBe('/data/mailseal')
  expect(on('linux', '/home/a', { XDG_DATA_HOME: 'relative' })).toBe('/home/a/.local/share/mailseal')
  expect(on('darwin', '/Users/a')).toBe('/Users/a/Library/Application Support/mailseal')
  expect(on('win32', 'C:\\Users\\a')).toBe('C:\\Users\\a\\AppData\\Local\\mailseal')
  expect(on('win32', 'C:\\Users\\a', { LOCALAPPDATA: 'D:\\L' })).toBe('D:\\L\\mailseal')
})
