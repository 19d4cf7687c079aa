/** Each step brings the state from the version that is its index to the next. Never change one that was released. */
export const MIGRATIONS: readonly string[] = [
  `
  -- Who this agent is. One row, or none before enrollment.
  CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mailbox TEXT NOT NULL,
    address TEXT NOT NULL,
    serial TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER NOT NULL,
    server TEXT NOT NULL,
    directory_token TEXT NOT NULL
  ) STRICT;
  -- The newest authority document seen; its root is the pinned one.
  CREATE TABLE authority (id INTEGER PRIMARY KEY CHECK (id = 1), document BLOB NOT NULL) STRICT;
  -- The newest revocation list ever installed: outlives the file.
  CREATE TABLE revocation_list (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    etag TEXT
  ) STRICT;
  -- Copies of certificates that a trusted CA certified.
  CREATE TABLE certificates (
    fingerprint TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    certificate BLOB NOT NULL,
    fetched INTEGER NOT NULL,
    -- 1: the directory named it as the address's current one.
    is_current INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX current_certificate ON certificates (address) WHERE is_current = 1;
  `,
  `
  -- Keys that are or were one's own, as the key files said that were opened here.
  CREATE TABLE own_keys (fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  INSERT INTO own_keys SELECT fingerprint FROM identity;
  -- Certificates that the directory named as an own address's current one, of keys that were not one's own then.
  CREATE TABLE foreign_certificates (
    fingerprint TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    -- 1: the user knows of it.
    is_acknowledged INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO foreign_certificates
    SELECT certificates.fingerprint, certificates.address, 0 FROM certificates JOIN identity USING (address)
    WHERE is_current = 1 AND certificates.fingerprint <> identity.fingerprint;
  -- Keys that were ever seen revoked: outlives the entries of the revocation list.
  CREATE TABLE revoked_keys (
    fingerprint TEXT PRIMARY KEY,
    -- As the revocation list words it.
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX certificates_by_address ON certificates (address);
  `,
]
