"""The state of an interactive review, evented and without Qt: what the window shows, a script or a test drives.

    bench = Workbench()
    bench.acquisition.open(path).run()
    bench.acquisition.measure(10, Sampling(acceleration=4)).run()
    bench.reconstruction.choose("tv")
    bench.reconstruction.render().run()
    bench.regions.draw(ROI.box(120, 140, 32, 28), 10)
    bench.perturbing.choose("worst-case")
    result = bench.perturbing.run().run()
    bench.rating.save(folder).run()

Whatever takes long is a `Task`; its job may run in another thread, its result is accepted in the workbench's own.
"""

from .workbench import Workbench

__all__ = ["Workbench"]
