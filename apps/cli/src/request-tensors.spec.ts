import { inferRequest } from './request-tensors';

const inputs = [{ name: 'origin', datatype: 'BYTES', shape: [-1] }, { name: 'distance', datatype: 'FP64', shape: [-1] }, { name: 'seats', datatype: 'INT64', shape: [-1, 1] }, { name: 'full', datatype: 'BOOL', shape: [-1] }];

describe('a request', () => {
  it('takes its types from the deployment, for text and for JSON alike', () => {
    const [text, json] = [{ origin: 'SFO', distance: '100', seats: '12', full: 'true' }, { origin: 'JFK', distance: 2.5, seats: 3, full: false }];
    const request = inferRequest('departures', inputs, [text, json], 'p');
    expect(request).toMatchObject({ modelName: 'departures', id: 'p' });
    expect(request.inputs.map(({ shape }) => shape)).toEqual([[2], [2], [2, 1], [2]]);
    expect(request.inputs[0].contents!.bytesContents.map(String)).toEqual(['SFO', 'JFK']);
    expect(request.inputs[1].contents!.fp64Contents).toEqual([100, 2.5]);
    expect(request.inputs[2].contents!.int64Contents).toEqual([12, 3]);
    expect(request.inputs[3].contents!.boolContents).toEqual([true, false]);
  });

  it('is refused with every field that is missing, unknown or of another type', () => {
    expect(() => inferRequest('departures', inputs, [{ orign: 'SFO', distance: 'far', seats: '1.5', full: 'yes' }], '')).toThrow(
      'Deployment "departures": there is no field "orign", perhaps origin (expected origin, distance, seats, full, got orign); "origin" is missing (expected text, got nothing); '
      + '"distance" has another type (expected number, got "far"); "seats" has another type (expected integer, got "1.5"); "full" has another type (expected true or false, got "yes").',
    );
  });
});
