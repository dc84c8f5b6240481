// docker-compose.yml of the examples agrees with the files beside it. That Docker does what it says is not tried here.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { parseDocument } from 'yaml';
import { root } from '../../scripts/lib/run.mjs';
import { example } from './support/configured.mjs';

const FOLDER = join(root, 'examples/redis');

const document = parseDocument(example('docker-compose.yml'), { merge: true });
/** @type {Record<string, any>} */
const services = document.errors.length === 0 ? document.toJS().services : {};
const all = Object.entries(services);

/** A command as one text, and what Compose makes of two dollars. */
const commandOf = ({ command = [] }) => [command].flat().join(' ').replaceAll('$$', '$');

/** Of each mounted file its name here and its place there. */
const filesOf = ({ volumes = [] }) =>
  volumes.map((/** @type {string} */ volume) => {
    const [from, to, mode] = volume.split(':');
    return { from, to, mode };
  });

/** What a directive of a configuration is set to. @param {string} file @param {string} name */
function directive(file, name) {
  const [value, ...more] = [...example(file).matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, text]) => text);
  assert.ok(value !== undefined && more.length === 0, `${name} is in ${file} once`);
  return value;
}

/** The password of a user of users.acl, and what it may do. */
function userOf(name) {
  const [, password, rights] = new RegExp(`^user ${name} on >(\\S+) (.*)$`, 'm').exec(example('users.acl')) ?? [];
  assert.ok(password, `${name} is in users.acl`);
  return { password, rights };
}

it('is a file of Compose, whose services are there', () => {
  assert.deepEqual(document.errors, []);
  for (const profile of [undefined, 'sentinel', 'cluster'])
    assert.ok(all.some(([, { profiles }]) => profiles?.[0] === profile || (!profiles && !profile)));
  for (const [name, { depends_on: needed = [], profiles, image }] of all) {
    assert.match(image, /^redis:\d/, name);
    for (const other of needed) {
      assert.ok(services[other], `${name} depends on ${other}`);
      // What is in no profile is always started.
      assert.ok(!services[other].profiles || services[other].profiles[0] === profiles[0], `${other}, with ${name}`);
    }
  }
});

it('mounts files that are there, and commands have what they name', () => {
  for (const [name, service] of all) {
    const mounted = filesOf(service);
    for (const { from, to, mode } of mounted) {
      assert.ok(existsSync(join(FOLDER, from)), `${name} mounts ${from}`);
      assert.equal(to, `/etc/redis/${from.replace('./', '')}`);
      assert.equal(mode, 'ro');
    }
    const places = mounted.map(({ to }) => to);
    /** @type {string[]} */
    const named = commandOf(service).match(/\/etc\/redis\/[\w.]+/g) ?? [];
    const needed = named.includes('/etc/redis/redis.conf') ? [...named, directive('redis.conf', 'aclfile')] : named;
    assert.deepEqual([...needed].sort(), [...places].sort(), name);
    if (needed.length > named.length) assert.deepEqual(service.tmpfs, [directive('redis.conf', 'dir')], name);
  }
});

it('starts each server as what it is for', () => {
  const commands = (/** @type {string} */ like) =>
    all.filter(([name]) => name.startsWith(like)).map(([, service]) => commandOf(service));
  const port = directive('redis.conf', 'port');
  const [primary, ...replicas] = commands('redis-');
  assert.equal(primary, 'redis-server /etc/redis/redis.conf');
  assert.equal(replicas.length, 2);
  for (const replica of replicas) assert.equal(replica, `${primary} --replicaof redis-1 ${port}`);
  assert.deepEqual(services['redis-1'].ports, [`127.0.0.1:6379:${port}`]);

  const [, host, watched, quorum] = directive('sentinel.conf', 'sentinel monitor').split(' ');
  assert.ok(services[host], host);
  assert.equal(watched, port);
  const sentinels = commands('sentinel-');
  assert.ok(
    sentinels.length % 2 === 1 && Number(quorum) === (sentinels.length + 1) / 2,
    `${quorum} of ${sentinels.length}`,
  );
  for (const sentinel of sentinels) assert.match(sentinel, /&& exec redis-sentinel \/data\/sentinel\.conf$/);

  const nodes = commands('node-');
  assert.equal(nodes.length, 3);
  for (const node of nodes)
    assert.match(node, /cat \S+\/redis\.conf \S+\/cluster\.conf > (\/data\/node\.conf) && exec redis-server \1$/);
  const [, numbers, made, on] =
    /--cluster create \$\(for node in ([\d ]+); do getent hosts (\S+)\$node .* sed s\/\$\/:(\d+)\/; done\)/.exec(
      commandOf(services.cluster),
    ) ?? [];
  const names = numbers.split(' ').map((number) => `${made}${number}`);
  assert.deepEqual(
    names,
    all.map(([name]) => name).filter((name) => name.startsWith('node-')),
  );
  assert.deepEqual(names, services.cluster.depends_on);
  assert.equal(on, port);
});

it('has users and passwords of users.acl, who may do what they are to', () => {
  const asked = all.flatMap(([name, service]) =>
    [commandOf(service), (service.healthcheck?.test ?? []).join(' ')].flatMap((text) =>
      [...text.matchAll(/--user (\S+) --pass (\S+)(.*?)(?:;|$)/g)].map(([, user, pass, rest]) => ({
        name,
        user,
        pass,
        rest,
      })),
    ),
  );
  assert.deepEqual(
    new Set(asked.map(({ name }) => name)),
    new Set(all.map(([name]) => name).filter((name) => !name.startsWith('sentinel-'))),
  );
  for (const { name, user, pass, rest } of asked) {
    const { password, rights } = userOf(user);
    assert.equal(pass, password, name);
    assert.match(rights, rest.trim() === 'ping' ? /\+(ping|@all)\b/ : /\+@all$/, name);
  }
  for (const [file, user, password] of [
    ['redis.conf', 'masteruser', 'masterauth'],
    ['sentinel.conf', 'sentinel auth-user cache', 'sentinel auth-pass cache'],
  ])
    assert.equal(directive(file, password), userOf(directive(file, user)).password, file);
});
