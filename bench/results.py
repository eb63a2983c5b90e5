"""Results of benches: a list of series, each the values of one metric of one contender.

A series: {"bench", "contender", "metric", "unit", "setting": {...}, "values": [...]}. What the
values are compared by is their median; their range is what a difference has to exceed.
"""
import json
import statistics


class Results:
    def __init__(self, about=None):
        self.about = about or {}
        self.series = []

    def add(self, bench, contender, metric, unit, value, setting=None):
        """Append one value to the series it belongs to."""
        setting = setting or {}
        for one in self.series:
            if (one["bench"], one["contender"], one["metric"], one["setting"]) == (
                    bench, contender, metric, setting):
                one["values"].append(value)
                return
        self.series.append({"bench": bench, "contender": contender, "metric": metric,
                            "unit": unit, "setting": setting, "values": [value]})

    def find(self, bench, metric, **setting):
        """Series of that bench and metric whose settings include these."""
        return [one for one in self.series
                if one["bench"] == bench and one["metric"] == metric
                and all(one["setting"].get(key) == value for key, value in setting.items())]

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"about": self.about, "series": self.series}, file, indent=1)
            file.write("\n")

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
        check(stored)
        results = cls(stored["about"])
        results.series = stored["series"]
        return results


def is_number(value):
    return type(value) in (int, float) and abs(value) < 1e300 # no NaN, no infinity


def check(stored):
    """ValueError, with what is wrong, when this is not what save() writes."""
    if not (isinstance(stored, dict) and isinstance(stored.get("about"), dict)
            and isinstance(stored.get("series"), list)):
        raise ValueError('no results of bench/run: an object with "about" and "series" is wanted')
    for i, one in enumerate(stored["series"]):
        if not isinstance(one, dict):
            raise ValueError(f"series {i}: no object")
        for key in ("bench", "contender", "metric", "unit"):
            if not isinstance(one.get(key), str):
                raise ValueError(f'series {i}: "{key}" is missing or no text')
        if not isinstance(one.get("setting"), dict):
            raise ValueError(f'series {i}: "setting" is missing or no object')
        values = one.get("values")
        if not (isinstance(values, list) and values and all(map(is_number, values))):
            raise ValueError(f'series {i}: "values" is missing, empty or not all numbers')


def median(one):
    return statistics.median(one["values"])


def spread(one):
    return min(one["values"]), max(one["values"])


def number(value):
    """Three digits, as people read them."""
    if value >= 100000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
