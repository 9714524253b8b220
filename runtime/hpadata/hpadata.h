/* The data tool's commands. Each parses its own arguments (argv[0] is the command's name) and returns the exit status. */
#ifndef HPADATA_H
#define HPADATA_H

int hpadata_scan(int argc, char **argv);     /* writes the data file that a folder seems to need */
int hpadata_check(int argc, char **argv);    /* names every broken, missing or duplicate image */
int hpadata_pack(int argc, char **argv);     /* a folder to one file */
int hpadata_stats(int argc, char **argv);    /* planes, classes and labels in tables */
int hpadata_split(int argc, char **argv);    /* a stratified split as CSV, and its shares */
int hpadata_synth(int argc, char **argv);    /* draws an HPA-like data set */
int hpadata_baseline(int argc, char **argv); /* logistic regression on intensities: what a network has to beat */

#endif
