# The public names, each with its home: `__init__.py` reads them here, and so do type checkers.
from .analyses.transfer import transfer_matrix as transfer_matrix
from .api import check_study as check_study
from .api import compare as compare
from .api import compare_methods as compare_methods
from .api import diverse as diverse
from .api import estimate_study as estimate_study
from .api import fragility_map as fragility_map
from .api import make_case as make_case
from .api import method_difference as method_difference
from .api import new_study as new_study
from .api import perturb as perturb
from .api import posterior_contrast as posterior_contrast
from .api import quality_by_samples as quality_by_samples
from .api import reconstructor as reconstructor
from .api import reconstructors as reconstructors
from .api import recovery_table as recovery_table
from .api import replay_case as replay_case
from .api import retention_map as retention_map
from .api import run_study as run_study
from .api import study_difference as study_difference
from .api import study_report as study_report
from .api import study_status as study_status
from .api import study_table as study_table
from .cases.gallery.listing import list_cases as list_cases
from .cases.gallery.verdicts import judge_case as judge_case
from .cases.record import load_case as load_case
from .cases.record import save_case as save_case
from .data.measurement import Measurement as Measurement
from .data.roi import ROI as ROI
from .io import open_scan as open_scan
from .physics.sampling import Sampling as Sampling
from .reports.export import export_image as export_image
from .reports.film import export_film as export_film
from .reports.report import write_report as write_report
from .simulation.sample import open_sample as open_sample

__version__: str
