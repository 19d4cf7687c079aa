/** Version of all four packages; a test compares it with their package.json. */
export const VERSION = '0.2.0'
