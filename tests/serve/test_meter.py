from tarragon.serve.meter import Meter


def test_requests_are_summed_up_until_they_are_read():
    meter = Meter("r", "e", "v")
    meter.add(200, 0.001, 0.0001, 2)
    meter.add(415, 0.003, 0.0001, 2)
    meter.add(0, 0.002, 0.0001, 2)
    found = {point.metric: point for point in meter.points(1.0)}
    assert found["Invocations"].total == 3
    assert found["InvocationsPerInstance"].total == 1.5
    assert (found["Invocation4XXErrors"].total, found["Invocation4XXErrors"].count) == (1, 3)
    assert found["Invocation5XXErrors"].total == 1
    assert found["InvocationModelErrors"].total == 2
    latency = found["ModelLatency"]
    assert (latency.least, latency.most, round(latency.total), latency.unit) == (1000, 3000, 6000, "Microseconds")
    assert latency.dimensions == {"EndpointName": "e", "VariantName": "v"}
    assert list(meter.points(2.0)) == []
