import { describe, expect, test } from 'vitest';
import { prometheus } from '../../cli/prometheus.ts';

const lines = async (meter: { render(): Promise<{ body: string }> }): Promise<string[]> =>
  (await meter.render()).body.split('\n');

describe('prometheus', () => {
  test('a counter adds up per combination of its labels, whatever their order in the call', async () => {
    const meter = prometheus();
    const requests = meter.counter('requests_total', 'Requests.', ['outcome', 'code']);
    requests.inc({ outcome: 'hit', code: '200' });
    requests.inc({ code: '200', outcome: 'hit' }, 2);
    requests.inc({ outcome: 'hit', code: '304' });
    const text = await lines(meter);
    expect(text).toContain('waystation_requests_total{outcome="hit",code="200"} 3');
    expect(text).toContain('waystation_requests_total{outcome="hit",code="304"} 1');
    expect(await lines(meter)).toContain('waystation_requests_total{outcome="hit",code="200"} 3');
  });

  test('a counter without labels is there from the start', async () => {
    const meter = prometheus();
    const evicted = meter.counter('evicted_bytes_total', 'Bytes.');
    expect(await lines(meter)).toContain('waystation_evicted_bytes_total 0');
    evicted.inc({}, 512);
    expect(await lines(meter)).toContain('waystation_evicted_bytes_total 512');
  });

  test('closed labels are preset to 0, and only where every label of the counter is closed', async () => {
    const meter = prometheus({ closedLabels: { result: ['stored', 'cut'] } });
    meter.counter('fills_total', 'Fills.', ['result']);
    meter.counter('requests_total', 'Requests.', ['result', 'code']);
    const text = await lines(meter);
    expect(text).toContain('waystation_fills_total{result="stored"} 0');
    expect(text).toContain('waystation_fills_total{result="cut"} 0');
    expect(text.filter((line) => line.startsWith('waystation_requests_total'))).toEqual([]);
  });

  test('label values of a hostile client cannot break the text format', async () => {
    const meter = prometheus();
    meter.counter('requests_total', 'Requests.', ['path']).inc({ path: 'a"\n} 1\nforged 1\\' });
    const text = await lines(meter);
    expect(text).toContain('waystation_requests_total{path="a\\"\\n} 1\\nforged 1\\\\"} 1');
    expect(text.some((line) => line.startsWith('forged'))).toBe(false);
  });

  test('a gauge that is read at the scrape forgets what is no longer reported', async () => {
    const meter = prometheus();
    let up: [Record<string, string>, number][] = [
      [{ subscription: 'a' }, 1],
      [{ subscription: 'b' }, 0],
    ];
    meter.gauge('upstream_up', 'Up.', ['subscription']).collect(() => up);
    expect(await lines(meter)).toContain('waystation_upstream_up{subscription="b"} 0');
    up = [[{ subscription: 'a' }, 0]];
    const text = await lines(meter);
    expect(text).toContain('waystation_upstream_up{subscription="a"} 0');
    expect(text.some((line) => line.includes('subscription="b"'))).toBe(false);
  });

  test('a gauge that was set keeps its value', async () => {
    const meter = prometheus();
    meter.gauge('cache_max_bytes', 'Bytes.').set({}, 10);
    expect(await lines(meter)).toContain('waystation_cache_max_bytes 10');
    expect(await lines(meter)).toContain('waystation_cache_max_bytes 10');
  });

  test('a histogram has its buckets, sum and count', async () => {
    const meter = prometheus();
    const seconds = meter.histogram('request_seconds', 'Seconds.', [0.1, 1]);
    seconds.observe(0.05);
    seconds.observe(0.5);
    const text = await lines(meter);
    expect(text).toContain('waystation_request_seconds_bucket{le="0.1"} 1');
    expect(text).toContain('waystation_request_seconds_bucket{le="+Inf"} 2');
    expect(text).toContain('waystation_request_seconds_count 2');
  });

  test('a metric that is asked for twice is one metric', async () => {
    const meter = prometheus();
    meter.counter('fills_total', 'Fills.', ['result']).inc({ result: 'stored' });
    meter.counter('fills_total', 'Fills.', ['result']).inc({ result: 'stored' });
    expect(await lines(meter)).toContain('waystation_fills_total{result="stored"} 2');
  });

  test('two registries share nothing, and process metrics have the prefix', async () => {
    const meter = prometheus({ processMetrics: true });
    meter.counter('one_total', 'One.').inc({});
    const other = (await prometheus().render()).body;
    expect(other).not.toContain('one_total');
    const { body, contentType } = await meter.render();
    expect(contentType).toContain('version=0.0.4');
    expect(body).toMatch(/^waystation_process_resident_memory_bytes \d+/m);
    expect(body.split('\n').filter((line) => /^[a-z]/.test(line) && !line.startsWith('waystation_'))).toEqual([]);
  });
});
