"""The machines: today a Ray on this one."""
