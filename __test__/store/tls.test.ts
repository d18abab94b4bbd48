/** TLS with a real server, whose certificate is for `localhost` alone and signed by an authority of the test. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EvalStore, type StoreOptions } from '@aah/ai-evals/store';
import { afterAll, describe, expect, it } from 'vitest';
import { newRun, PASSWORD, postgres } from './backends.js';

// The server's user has to be able to enter it.
const folder = mkdtempSync(join('/tmp', 'ai-evals-tls-'));
chmodSync(folder, 0o755);
const at = (name: string) => join(folder, name);
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority `name`. */
function authority(name: string): void {
  const own = ['-addext', 'basicConstraints=critical,CA:TRUE', '-subj', `/CN=${name}`];
  openssl('req', '-x509', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', ...own);
}

/** Makes a certificate `name`, signed by `ca`. */
function certificate(name: string, ca: string, subject: string, extensions: string): void {
  writeFileSync(at(`${name}.ext`), extensions);
  openssl('req', '-new', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
  const signer = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    ...signer,
    '-out',
    `${name}.pem`,
    '-days',
    '2',
    '-extfile',
    `${name}.ext`,
  );
}

let missing: string | undefined;
try {
  for (const name of ['ca', 'other']) authority(name);
  certificate('server', 'ca', 'localhost', 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n');
  certificate('client', 'ca', 'tester', 'extendedKeyUsage=clientAuth\n');
} catch (error) {
  missing = `openssl is not here: ${String(error)}`;
}

const server = await postgres({
  parameters: { ssl: 'on', ssl_cert_file: at('server.pem'), ssl_key_file: at('server.key'), ssl_ca_file: at('ca.pem') },
  prepare: (data) => {
    const { uid, gid } = statSync(data);
    chownSync(at('server.key'), uid, gid);
    chmodSync(at('server.key'), 0o600);
    // A database that asks for a certificate of the client.
    const rules = join(data, 'pg_hba.conf');
    const own = 'hostssl certified all all scram-sha-256 clientcert=verify-ca\nhostnossl certified all all reject\n';
    writeFileSync(rules, own + readFileSync(rules, 'utf8'));
  },
});
missing ??= server.missing;
if (missing === undefined) await server.query('CREATE DATABASE certified');
const plain = await postgres();
afterAll(async () => {
  await server.stop();
  await plain.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns whether a connection of these parameters is encrypted; rejects as opening does. */
async function encrypted(host: string, parameters: string, options?: StoreOptions, database = 'postgres') {
  const name = `tls-${Math.random().toString(36).slice(2)}`;
  const authorityOf = `postgres://tester:${encodeURIComponent(PASSWORD)}@${host}:${server.port}`;
  const store = await EvalStore.open(`${authorityOf}/${database}?application_name=${name}&${parameters}`, options);
  try {
    await store.createRun(newRun());
    const rows = await server.query(
      'SELECT bool_and(s.ssl) AS ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = $1',
      [name],
    );
    return rows[0]!.ssl;
  } finally {
    await store.close();
  }
}

const pem = (name: string) => readFileSync(at(`${name}.pem`), 'utf8');
const key = (name: string) => readFileSync(at(`${name}.key`), 'utf8');
const refused = { name: 'StoreError', code: 'ERR_STORE_TLS' };

describe.skipIf(missing !== undefined)('sslmode', () => {
  it.each([
    ['disable', '127.0.0.1', '', false],
    ['prefer', '127.0.0.1', '', true],
    ['require', '127.0.0.1', '', true],
    ['verify-ca', '127.0.0.1', 'ca', true],
    ['verify-full', 'localhost', 'ca', true],
  ])('%s connects to %s with the authority "%s"', async (mode, host, ca, isEncrypted) => {
    const root = ca && `&sslrootcert=${encodeURIComponent(at(`${ca}.pem`))}`;
    expect(await encrypted(host, `sslmode=${mode}${root}`)).toBe(isEncrypted);
  });

  it.each([
    ['verify-ca', '127.0.0.1', 'other'],
    ['verify-ca', '127.0.0.1', ''],
    ['verify-full', 'localhost', 'other'],
    ['verify-full', 'localhost', ''],
    ['verify-full', '127.0.0.1', 'ca'],
  ])('%s refuses %s with the authority "%s"', async (mode, host, ca) => {
    const root = ca && `&sslrootcert=${encodeURIComponent(at(`${ca}.pem`))}`;
    const opening = encrypted(host, `sslmode=${mode}${root}`);
    await expect(opening).rejects.toMatchObject(refused);
    await expect(opening).rejects.toThrow(`${host}:${server.port}`);
  });

  it.each(['require', 'verify-ca', 'verify-full'])('%s refuses a server without TLS', async (mode) => {
    const url = `${plain.url('postgres')}?sslmode=${mode}&sslrootcert=${encodeURIComponent(at('ca.pem'))}`;
    await expect(EvalStore.open(url)).rejects.toMatchObject(refused);
  });

  it('names a file of sslrootcert that is not there', async () => {
    const opening = encrypted('localhost', 'sslmode=verify-full&sslrootcert=/no/such.pem');
    await expect(opening).rejects.toMatchObject(refused);
    await expect(opening).rejects.toThrow('/no/such.pem');
  });
});

describe.skipIf(missing !== undefined)('tls', () => {
  it('checks the certificate by ca, and the name of the host', async () => {
    expect(await encrypted('localhost', '', { tls: { ca: pem('ca') } })).toBe(true);
    await expect(encrypted('localhost', '', { tls: { ca: pem('other') } })).rejects.toMatchObject(refused);
    await expect(encrypted('127.0.0.1', '', { tls: { ca: pem('ca') } })).rejects.toMatchObject(refused);
  });

  it('checks nothing with rejectUnauthorized false', async () => {
    expect(await encrypted('127.0.0.1', '', { tls: { rejectUnauthorized: false } })).toBe(true);
  });

  it('shows the certificate of the client by cert and key', async () => {
    const tls = { ca: pem('ca'), cert: pem('client'), key: key('client') };
    expect(await encrypted('localhost', '', { tls }, 'certified')).toBe(true);
    await expect(encrypted('localhost', '', { tls: { ca: pem('ca') } }, 'certified')).rejects.toMatchObject({
      code: 'ERR_STORE_AUTH',
    });
  });

  it('refuses what is no certificate', async () => {
    await expect(encrypted('localhost', '', { tls: { ca: 'nonsense' } })).rejects.toMatchObject(refused);
  });
});
